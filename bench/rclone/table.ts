import type { Usage } from './measured.ts'
import { middle } from './measured.ts'
import { names } from './names.ts'

/** One program's turn at one job. */
export interface Run {
  readonly job: string
  readonly documents: number
  readonly who: 'before' | 'ours' | 'rclone'
  readonly usage: Usage
  /** By name and method. */
  readonly requests: Readonly<Record<string, number>>
  readonly load: number
}

const columns = [
  'job',
  'who',
  'seconds',
  'speed / rclone',
  'CPU s',
  'CPU / rclone',
  'peak MiB',
  'provider requests',
  'S3 and DynamoDB requests',
  'longest pause ms',
] as const

/** Medians of each job, ours beside rclone's of the same run; requests for each document. */
export function tableOf(runs: readonly Run[]): string {
  const jobs = [...new Set(runs.map(({ job }) => job))]
  const rows = jobs.flatMap((job) => {
    const of = (who: Run['who'], pick: (run: Run) => number): number =>
      middle(runs.filter((run) => run.job === job && run.who === who).map(pick))
    const everybody = (['before', 'ours', 'rclone'] as const).filter((who) =>
      runs.some((run) => run.who === who),
    )
    return everybody.map((who) => {
      const speed = of('rclone', seconds) / of(who, seconds)
      const cpu = of(who, cpuSeconds) / of('rclone', cpuSeconds)
      const asked = (list: readonly string[]) => of(who, (run) => requestsTo(run, list) / run.documents)
      return [
        job,
        who,
        of(who, seconds).toFixed(2),
        speed.toFixed(2),
        of(who, cpuSeconds).toFixed(2),
        cpu.toFixed(2),
        of(who, ({ usage }) => usage.peakMiB).toFixed(0),
        asked([...names.google, ...names.microsoft]).toFixed(1),
        asked(['localhost']).toFixed(1),
        who === 'rclone' ? '' : of(who, longestPause).toFixed(0),
      ]
    })
  })
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('')
}

const seconds = ({ usage }: Run): number => usage.seconds
const cpuSeconds = ({ usage }: Run): number => usage.cpuSeconds

function requestsTo({ requests }: Run, list: readonly string[]): number {
  return Object.entries(requests)
    .filter(([asked]) => list.some((name) => asked.startsWith(name)))
    .reduce((sum, [, count]) => sum + count, 0)
}

function longestPause({ usage }: Run): number {
  const found = /"longestPauseMs":([\d.]+)/.exec(usage.output)?.[1]
  return Number(found ?? Number.NaN)
}
