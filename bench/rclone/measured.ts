import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** What a whole process took, from its start to its end. */
export interface Usage {
  readonly seconds: number
  /** User and system. */
  readonly cpuSeconds: number
  readonly peakMiB: number
  readonly status: number
  readonly output: string
}

const gnuTime = '/usr/bin/time'
const longestMs = 600_000

/** Runs a program and measures it. */
export async function measured(
  [command = '', ...args]: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
): Promise<Usage> {
  if (!existsSync(gnuTime)) throw new Error(`GNU time is missing: apt-get install time (${gnuTime}).`)
  const report = join(folder, 'usage')
  const began = performance.now()
  const child = spawn(gnuTime, ['-o', report, '-f', '%U %S %M', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
    timeout: longestMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  const seconds = (performance.now() - began) / 1000
  const [user = 0, system = 0, peakKiB = 0] = (readFileSync(report, 'utf8').trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number)
  rmSync(report)
  return { seconds, cpuSeconds: user + system, peakMiB: peakKiB / 1024, status: status ?? -1, output }
}

/** The first line of what rclone says of itself; says how to get one where there is none. */
export function rcloneVersion(): string {
  try {
    return execFileSync('rclone', ['version'], { encoding: 'utf8' }).split('\n')[0] ?? ''
  } catch {
    const ways = 'https://rclone.org/install/, or: go install github.com/rclone/rclone@v1.75.0'
    throw new Error(`There is no rclone on the PATH. To get one: ${ways}`)
  }
}

export const middle = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN
