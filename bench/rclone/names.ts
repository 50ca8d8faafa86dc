import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Drive = 'google' | 'microsoft'

/** The names that the drives are known by; rclone has them built in. */
export const names = {
  google: ['www.googleapis.com', 'oauth2.googleapis.com', 'accounts.google.com'],
  microsoft: ['graph.microsoft.com', 'login.microsoftonline.com'],
} as const

/** Where the front listens, and where the same front is a round trip away. */
export const near = '127.0.0.2'
export const far = '127.0.0.3'

/**
 * Runs this program again where `/etc/hosts` is a file of its own, so that the drives' names lead to this
 * machine for its processes and nobody else. False in the run that has to wait for that one to end.
 */
export async function inOwnNames(): Promise<boolean> {
  if (process.env['BENCH_HOSTS'] !== undefined) return true
  const folder = mkdtempSync(join(tmpdir(), 'driveway-bench-hosts-'))
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, '127.0.0.1 localhost\n')
  const inside = `mount --bind "$BENCH_HOSTS" /etc/hosts && exec "$0" "$@"`
  const child = spawn(
    'unshare',
    ['--mount', 'sh', '-c', inside, process.execPath, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
      env: { ...process.env, BENCH_HOSTS: hosts },
    },
  )
  const [status] = (await once(child, 'exit')) as [number | null]
  rmSync(folder, { recursive: true, force: true })
  if (status !== 0)
    console.error('This needs Linux, root, `unshare` and port 443 of 127.0.0.2 and 127.0.0.3.')
  process.exitCode = status ?? 1
  return false
}

/** From now on the drives are a round trip away, or not. Our own servers never are. */
export function setDistance(isFar: boolean): void {
  const drives = Object.values(names).flat()
  const lines = drives.map((name) => `${isFar ? far : near} ${name}\n`)
  writeFileSync(process.env['BENCH_HOSTS'] ?? '', `127.0.0.1 localhost\n${lines.join('')}`)
}
