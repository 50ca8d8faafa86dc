import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { refusedCalls } from './roles.ts'

export interface LocalStack {
  readonly base: string
  readonly port: number
  readonly stateDir: string
  readonly pid: number
  /** Everything that the stack has printed. */
  output(): string
  /** The address of a server of the stack, by its offset. */
  at(offset: number): string
  /** Ends it with `signal` and answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** What its functions have asked of AWS so far, as `function action resource`. */
  awsCalls(): string[]
  /**
   * Ends it if need be, and removes its state. Rejects when a function has asked
   * AWS for something that its role does not allow.
   */
  dispose(): Promise<void>
}

async function free(port: number): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, '127.0.0.1')
    await once(probe, 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}

/** The first of eight ports in a row that nobody uses. */
export async function freePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const all = await Promise.all(Array.from({ length: 8 }, (_, offset) => free(first + offset)))
    if (all.every(Boolean)) return first
  }
}

export interface StackOptions {
  readonly port?: number
  readonly stateDir?: string
  readonly env?: Record<string, string>
  /** What each of its processes loads before anything else. */
  readonly preload?: readonly URL[]
  /** The tree that it is started in, when that is another than this one. */
  readonly cwd?: string
  /** How it is started; by the server's own file when left out. */
  readonly command?: readonly [string, ...string[]]
}

/**
 * Starts the local stack as `npm start` does, on ports and a state folder of its own; resolves when it
 * says `ready` and, with Google simulated, the demo line is out.
 */
export async function startLocalStack(options: StackOptions = {}): Promise<LocalStack> {
  const port = options.port ?? (await freePorts())
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'driveway-'))
  const [program, ...words] = options.command ?? [process.execPath, 'local/server.ts']
  const callsFile = join(tmpdir(), `driveway-aws-calls-${randomUUID()}`)
  const loaded = [import.meta.resolve('./watch-aws-calls.ts'), ...(options.preload ?? [])]
  const watch = {
    NODE_OPTIONS: loaded.map((file) => `--import=${String(file)}`).join(' '),
    AWS_CALLS_FILE: callsFile,
  }
  const child = spawn(program, words, {
    env: {
      ...process.env,
      DRIVEWAY_PORT: String(port),
      DRIVEWAY_STATE_DIR: stateDir,
      // A command of its own may run on another Node.
      ...(options.command === undefined ? watch : {}),
      ...options.env,
    },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const demo = options.env?.['GOOGLE_CLIENT_ID'] === undefined ? 'curl -X PUT' : ''
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString('utf8')
      if (/^ready/m.test(output) && output.includes(demo)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void exit.then((code) => {
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
      reject(new Error(`the local stack ended with status ${String(code)}:\n${output}`))
    })
  })
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    child.kill(signal)
    return exit
  }
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    stateDir,
    pid: child.pid ?? 0,
    output: () => output,
    at: (offset) => `http://127.0.0.1:${port + offset}`,
    stop,
    awsCalls: () => linesOf(callsFile),
    async dispose() {
      await stop()
      rmSync(stateDir, { recursive: true, force: true })
      const refused = refusedCalls(linesOf(callsFile))
      rmSync(callsFile, { force: true })
      if (refused.length > 0)
        throw new Error(`Functions asked AWS for what their roles do not allow:\n${refused.join('\n')}`)
    },
  }
}

function linesOf(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : []
}
