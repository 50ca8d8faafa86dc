import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'

export interface CommandOptions {
  readonly cwd?: string
  /** Added to this process's environment; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly input?: string
}

export interface Ended {
  readonly status: number | null
  readonly out: string
}

/** A process that goes on until it is stopped. */
export interface Running {
  /** What it has printed so far, both streams. */
  printed(): string
  /** Resolves when it has printed something that matches; rejects when it ends before. */
  says(pattern: RegExp): Promise<void>
  /** Sends SIGTERM to it and all that it started, SIGKILL after ten seconds; resolves when it has ended. */
  stop(): Promise<void>
}

export interface Commands {
  /** Runs a program to its end. What it prints goes to the log; its standard output is answered too. */
  run(program: string, args: readonly string[], options?: CommandOptions): Promise<Ended>
  /** Like `run`. @returns its standard output @throws Error when its status is not 0 */
  must(program: string, args: readonly string[], options?: CommandOptions): Promise<string>
  start(program: string, args: readonly string[], options?: CommandOptions): Running
}

/** Programs in process groups of their own, which all end with the signal. */
export function openCommands(signal: AbortSignal, log: (text: string) => void): Commands {
  const begin = (program: string, args: readonly string[], options: CommandOptions): ChildProcess => {
    signal.throwIfAborted()
    log(`$ ${[program, ...args].join(' ')}\n`)
    const env = { ...process.env, ...options.env }
    const child = spawn(program, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env,
      detached: true,
      stdio: 'pipe',
    })
    const end = (): void => signalGroup(child, 'SIGKILL')
    signal.addEventListener('abort', end, { once: true })
    child.once('close', () => signal.removeEventListener('abort', end))
    child.stdin?.on('error', () => child.stdin?.destroy())
    child.stdin?.end(options.input)
    return child
  }

  const run: Commands['run'] = async (program, args, options = {}) => {
    const child = begin(program, args, options)
    const said = { out: '' }
    gather(child.stdout, (text) => {
      said.out += text
      log(text)
    })
    gather(child.stderr, log)
    const [status] = (await Promise.race([once(child, 'close'), failed(child)])) as [number | null]
    signal.throwIfAborted()
    return { status, out: said.out }
  }

  return {
    run,
    async must(program, args, options) {
      const { status, out } = await run(program, args, options)
      if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with status ${String(status)}`)
      return out
    },
    start(program, args, options = {}) {
      const child = begin(program, args, options)
      const said = { all: '' }
      const listeners = new Set<() => void>()
      const hear = (text: string): void => {
        said.all += text
        log(text)
        for (const listener of listeners) listener()
      }
      gather(child.stdout, hear)
      gather(child.stderr, hear)
      const closed = Promise.race([once(child, 'close'), failed(child)])
      // Whoever waits for the words hears of it; nobody else has to.
      closed.catch(() => undefined)
      return {
        printed: () => said.all,
        says: (pattern) => heard(pattern, said, listeners, closed, `${program} ${args.join(' ')}`),
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return
          signalGroup(child, 'SIGTERM')
          const late = setTimeout(() => signalGroup(child, 'SIGKILL'), 10_000)
          await closed.finally(() => clearTimeout(late))
        },
      }
    },
  }
}

function gather(stream: Readable | null, each: (text: string) => void): void {
  stream?.setEncoding('utf8').on('data', each)
}

async function failed(child: ChildProcess): Promise<never> {
  const [error] = (await once(child, 'error')) as [Error]
  throw error
}

async function heard(
  pattern: RegExp,
  said: { readonly all: string },
  listeners: Set<() => void>,
  closed: Promise<unknown>,
  what: string,
): Promise<void> {
  if (pattern.test(said.all)) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const listener = (): void => {
    if (pattern.test(said.all)) resolve()
  }
  listeners.add(listener)
  try {
    const ended = closed.then(() => {
      throw new Error(`${what} ended before it said ${String(pattern)}`)
    })
    await Promise.race([promise, ended])
  } finally {
    listeners.delete(listener)
  }
}

/** Its children too: it leads a group of its own. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has ended by itself.
  }
}
