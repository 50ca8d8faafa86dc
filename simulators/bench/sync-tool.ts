/**
 * A sync tool that was never written for the simulators does its whole work against them:
 * `node simulators/bench/sync-tool.ts [remote …]` (drive, personal, business, dropbox; all when left out).
 * Needs an `rclone` on the PATH, which runs as it is: a proxy stands in for the providers' hosts. Prints a
 * line for each step; ends with status 1 when one failed.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { selfSigned } from '../test/microsoft/self-signed.ts'
import type { Provider, Simulator } from './sync-tool-clouds.ts'
import { signIn, startSimulator } from './sync-tool-clouds.ts'
import { journey } from './sync-tool-journey.ts'
import type { Step } from './sync-tool-trip.ts'
import { startTlsProxy } from './tls-proxy.ts'

const TOOL = 'rclone'
const HOSTS = {
  google: ['www.googleapis.com', 'oauth2.googleapis.com', 'accounts.google.com'],
  microsoft: ['graph.microsoft.com', 'login.microsoftonline.com'],
  dropbox: ['www.dropbox.com', 'api.dropboxapi.com', 'content.dropboxapi.com'],
} as const satisfies Readonly<Record<Provider, readonly string[]>>
const ACCOUNTS = [
  ['drive', 'google', 'ada@example.com'],
  ['personal', 'microsoft', 'ada@outlook.com'],
  ['business', 'microsoft', 'ada@contoso.com'],
  ['dropbox', 'dropbox', 'ada@example.com'],
] as const
/** No step takes near that long; a tool that waits for ever is ended. */
const LIMIT_MS = 180_000

const running = new Set<ChildProcess>()

/** Runs the tool; its standard output. Rejects with the end of what it logged when its status is not 0. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv, input?: Uint8Array): Promise<string> {
  const child = spawn(TOOL, args, { env, timeout: LIMIT_MS, killSignal: 'SIGKILL' })
  running.add(child)
  child.once('close', () => running.delete(child))
  const ended = once(child, 'close')
  child.stdin.on('error', () => child.stdin.destroy())
  child.stdin.end(input)
  const [out, log, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (status !== 0)
    throw new Error(`${TOOL} ${args.join(' ')}: status ${String(status)}\n${log.slice(-3000)}`)
  return out
}

const version = await run(['version'], process.env).catch(() => undefined)
if (version === undefined) {
  console.error('There is no rclone on the PATH: install it (apt-get install rclone) and run this again.')
  process.exitCode = 2
} else {
  await main(version.split('\n')[0] ?? '', process.argv.slice(2))
}

function environment(directory: string, proxy: string, authority: string) {
  return {
    PATH: process.env['PATH'],
    HOME: directory,
    TZ: 'UTC',
    HTTPS_PROXY: proxy,
    NO_PROXY: '',
    SSL_CERT_FILE: authority,
    RCLONE_CONFIG: join(directory, 'rclone.conf'),
    RCLONE_DRIVE_CHUNK_SIZE: '1M',
    RCLONE_DRIVE_UPLOAD_CUTOFF: '1M',
    RCLONE_DRIVE_PACER_MIN_SLEEP: '5ms',
    RCLONE_ONEDRIVE_CHUNK_SIZE: '10M',
    RCLONE_DRIVE_LIST_CHUNK: '100',
    RCLONE_ONEDRIVE_LIST_CHUNK: '7',
    RCLONE_DROPBOX_CHUNK_SIZE: '8M',
    RCLONE_MULTI_THREAD_CUTOFF: '64M',
  }
}

async function main(tool: string, wanted: readonly string[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'sync-tool-'))
  // However this ends, by a signal too: the simulators end when this process does, the tool would not.
  process.once('exit', () => {
    for (const child of running) child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  const open: { close(): Promise<void> }[] = []
  try {
    const simulators: Simulator[] = []
    for (const provider of Object.keys(HOSTS) as Provider[]) {
      const simulator = await startSimulator(provider, directory)
      simulators.push(simulator)
      open.push(simulator)
    }
    const certificate = selfSigned(Object.values(HOSTS).flat())
    const targets = new Map(
      simulators.flatMap(({ provider, origin }) => HOSTS[provider].map((host) => [host, origin] as const)),
    )
    const proxy = await startTlsProxy(certificate, targets)
    open.push(proxy)
    const authority = join(directory, 'authority.pem')
    await writeFile(authority, certificate.cert)
    const env = environment(directory, proxy.url, authority)
    const accounts = ACCOUNTS.filter(([remote]) => wanted.length === 0 || wanted.includes(remote))
    const clouds = await Promise.all(
      simulators.flatMap((simulator) =>
        accounts
          .filter(([, provider]) => provider === simulator.provider)
          .map(([remote, , account]) => signIn(simulator, remote, account)),
      ),
    )
    await writeFile(env.RCLONE_CONFIG, clouds.map(({ section }) => section).join('\n'))
    console.log(`${tool} against ${accounts.map(([remote]) => remote).join(', ')}`)

    const counted = { steps: 0, failed: 0 }
    const before = new Map<Simulator, number>()
    for (const simulator of simulators) before.set(simulator, (await simulator.requests()).length)
    for (const cloud of clouds) {
      const step = stepper(cloud.remote, counted)
      await journey(cloud, (args, input) => run(args, env, input), join(directory, 'work'), step)
    }
    // A URL that named the simulator itself would have gone past the proxy, so the two counts must agree.
    await stepper('all', counted)('every request came by a public name', async () => {
      let reached = 0
      for (const [simulator, count] of before) reached += (await simulator.requests()).length - count
      const passed = [...proxy.passed.values()].reduce((sum, count) => sum + count, 0)
      if (reached !== passed)
        throw new Error(`${String(reached)} requests, ${String(passed)} through the proxy`)
      if (proxy.refused.length > 0) throw new Error(`it also asked for ${proxy.refused.join(', ')}`)
      return [...proxy.passed].map(([host, count]) => `${host} ${String(count)}`).join(', ')
    })
    console.log(`${tool}: ${String(counted.steps - counted.failed)} of ${String(counted.steps)} steps passed`)
    process.exitCode = counted.failed === 0 ? 0 : 1
  } finally {
    for (const each of open.toReversed()) await each.close()
  }
}

function stepper(remote: string, counted: { steps: number; failed: number }): Step {
  return async (name, work) => {
    const started = performance.now()
    const line = (verdict: string, detail: string): void => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
      console.log(`${verdict} ${remote.padEnd(9)} ${name.padEnd(40)} ${seconds} s  ${detail}`)
    }
    counted.steps += 1
    try {
      line('ok  ', (await work()) ?? '')
    } catch (error) {
      counted.failed += 1
      line('FAIL', error instanceof Error ? error.message : String(error))
    }
  }
}
