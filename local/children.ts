import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'

export interface Child {
  readonly name: string
  /** Ends it, by force when it does not end by itself in time. */
  stop(): Promise<void>
}

const stopPatienceMs = 5_000

function exited(child: ChildProcess): Promise<void> {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()))
}

/**
 * Starts one server of the stack as a process of its own; resolves when it says `{ready: true}` over IPC.
 * It ends by itself when this process is gone, however that happened: its IPC channel closes.
 * Rejects with what it wrote to stderr when it ends before it was ready. `onExit` is called if it dies later.
 */
export async function startChild(
  name: string,
  file: URL,
  env: Record<string, string>,
  onExit: (name: string, code: number | null) => void,
): Promise<Child> {
  const child = fork(file, [], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
  })
  let stopping = false
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message) => {
      if (typeof message === 'object' && message !== null && 'ready' in message) resolve()
    })
    child.once('error', reject)
    child.once('exit', (code) => {
      reject(new Error(`${name} ended with status ${String(code)} before it was ready`))
      if (!stopping) onExit(name, code)
    })
  })
  return {
    name,
    async stop() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs)
      await exited(child)
      clearTimeout(timer)
    },
  }
}
