import { spawn } from 'node:child_process'
import { join } from 'node:path'

const launcher = join(import.meta.dirname, '../../../cli/driveway.js')

export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** The Node that starts it; the one that runs the tests when left out. */
  readonly node?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Buffer
  /** Told all that standard output and error have said so far, at each piece; may act on it. */
  readonly onText?: (text: string, interrupt: () => void) => void
  /** Given what Ctrl-C does, once the command runs. */
  readonly onStart?: (interrupt: () => void) => void
}

/** The environment of a command that knows nothing of this machine's settings. */
export function cleanEnvironment(
  configFolder: string,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: configFolder, DRIVEWAY_CONFIG_DIR: configFolder, ...extra }
}

/** Runs the command with pipes on all three streams and resolves when it has ended. */
export function runCli(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = spawn(options.node ?? process.execPath, [launcher, ...args], {
    cwd: options.cwd,
    env: options.env,
    stdio: 'pipe',
  })
  let stdout = ''
  let stderr = ''
  const interrupt = () => void child.kill('SIGINT')
  const heard = () => options.onText?.(`${stdout}\n${stderr}`, interrupt)
  options.onStart?.(interrupt)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    heard()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    heard()
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/**
 * A browser for one page: opens each authorization URL that a text shows, once, as the user's click would.
 */
export function browsing(change: (url: string) => string = (url) => url): (text: string) => void {
  const opened = new Set<string>()
  return (text) => {
    for (const [url] of text.matchAll(
      /http:\/\/127\.0\.0\.1:\d+\/(?:consent|authorize)\?[^\s"\\]+(?=[\s"])/g,
    )) {
      if (opened.has(url)) continue
      opened.add(url)
      void fetch(change(url)).then((response) => response.body?.cancel())
    }
  }
}
