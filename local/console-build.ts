import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Child } from './children.ts'

export interface ConsoleBuild extends Child {
  /** Resolves when `web/dist` is up to date; rejects when it could not be built. */
  readonly done: Promise<void>
}

/** Brings web/dist up to date in a process of its own, which ends when that is done, or with this one. */
export function startConsoleBuild(): ConsoleBuild {
  const child = fork(new URL('../web/build.ts', import.meta.url), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-4000)
  })
  const exit = once(child, 'exit')
  const done = exit.then(([status]) => {
    if (status !== 0) throw new Error(`node web/build.ts ended with status ${String(status)}\n${complaint}`)
  })
  done.catch(() => undefined)
  return {
    name: 'the console build',
    done,
    async stop() {
      child.kill('SIGKILL')
      await exit
    },
  }
}
