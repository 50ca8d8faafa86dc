import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { IngestConfig, IngestOrder, IngestReport } from './ingest-process.ts'

export interface IngestChild {
  /** Resolves with the report, or undefined when it was killed first. */
  run(order: IngestOrder): Promise<IngestReport | undefined>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** Starts a process that ingests; it lives no longer than this one. */
export async function startIngestChild(config: IngestConfig): Promise<IngestChild> {
  const child = fork(fileURLToPath(new URL('ingest-process.ts', import.meta.url)), [], {
    env: { ...process.env, INGEST_CONFIG: JSON.stringify(config) },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('The ingest process ended.'))),
  ])
  return {
    async run(order) {
      const answered = once(child, 'message').then(([report]: IngestReport[]) => report)
      child.send(order)
      return await Promise.race([answered, exited.then(() => undefined)])
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
