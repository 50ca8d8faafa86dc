import { defaultChangesWithinMinutes } from '../lib/contract/limits.ts'
import { assumedSeconds, cellMonth, costPerCall, dollars, fixedMonth, lookMonth } from './cost-tables.ts'
import type { Measured } from './cost-tables.ts'
import { prices } from './prices.ts'

const sizes = [1_000, 100_000, 1_000_000] as const

/** Calls of a connection in a month. */
const usual = { 'put, new': 15, 'put, replace': 15, get: 40, stat: 20, 'list documents': 10 } as const
const puts = usual['put, new'] + usual['put, replace']
/** Names of metrics that are told every hour, and the share of requests that is traced. */
const metrics = 14
const traced = 0.01
/** A connection with a grant and tokens, and the documents of one: bytes with their indexes. */
const rowBytes = 4_096 + 15 * 1_024

/** What a month costs at several sizes, with a hundred calls of each connection. */
export function monthTable(http: readonly Measured[]): string[] {
  const calls = Object.entries(usual).map(([operation, count]) => {
    const measured = http.find((one) => one.operation === operation)
    if (measured === undefined) throw new Error(`${operation} is not measured.`)
    return { count, each: costPerCall(measured, true) }
  })
  const hundred = calls.reduce((sum, { count, each }) => sum + count * each, 0)
  const lines: readonly (readonly [string, (connections: number) => number])[] = [
    ['grants, half Google, half Microsoft work', (all) => (all * (cellMonth(103) + cellMonth(1_500))) / 2],
    ['what stands still', () => fixedMonth()],
    ['metrics of our own', () => metrics * prices.metricMonth],
    ['100 calls of each', (all) => all * hundred],
    [
      `drives looked at every ${defaultChangesWithinMinutes} minutes, and their refreshes`,
      (all) => all * lookMonth(),
    ],
    ['traces', (all) => all * 100 * traced * prices.trace],
    ['rows and their backups', (all) => (all * rowBytes * (prices.storedGb + prices.backupGb)) / 1024 ** 3],
  ]
  const rows = lines.map(([what, cost]) => ({ what, costs: sizes.map(cost) }))
  const together = sizes.map((_, at) => rows.reduce((sum, { costs }) => sum + (costs[at] ?? 0), 0))
  return [
    'Each connection makes 100 small calls: 30 put, 40 get, 20 stat, 10 list.',
    '',
    ['US$ a month', ...sizes.map((size) => `${size.toLocaleString('en')} connections`)].join(' | '),
    '--- | ---: | ---: | ---:',
    ...[...rows, { what: 'together', costs: together }].map(({ what, costs }) =>
      [what, ...costs.map(dollars)].join(' | '),
    ),
    ['a connection', ...together.map((sum, at) => (sum / (sizes[at] ?? 1)).toFixed(4))].join(' | '),
  ]
}

/** Busy moments are so many times the mean. */
const peak = 10
const monthSeconds = 30 * 86_400

/**
 * What an account has without asking for more, in us-east-1, and what is used of it.
 * https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
 */
export function limitTable(): string[] {
  const secretsOf = (all: number): number =>
    (all * (cellMonth(103) + cellMonth(1_500))) / 2 / prices.secretMonth
  const callsOf = (all: number): number => (all * 100 * peak) / monthSeconds
  const putsOf = (all: number): number => (all * puts * peak) / monthSeconds
  // Nearly every cell of work accounts has a rotated token each day: they are moved in one hour at worst.
  const dailyOf = (all: number): number => (all / 2) * (cellMonth(1_500) / prices.secretMonth)
  const lines: readonly (readonly [string, number, (connections: number) => number])[] = [
    ['Secrets Manager: secrets in a region', 500_000, secretsOf],
    ['Secrets Manager: secrets made a second, a day’s cells in one hour', 50, (all) => dailyOf(all) / 3_600],
    ['Secrets Manager: values read a second, each refresh cold', 10_000, (all) => all / 3_600],
    ['API Gateway: requests a second', 10_000, callsOf],
    ['Lambda: functions at once', 1_000, (all) => callsOf(all) * assumedSeconds.drive],
    ['DynamoDB: units written a second to the documents, indexes included', 40_000, (all) => putsOf(all) * 6],
    [
      'DynamoDB: units written a second to one index of the grants, of 16 parts',
      16_000,
      (all) => all / 3_600,
    ],
    ['EventBridge: events a second', 10_000, putsOf],
  ]
  const told = (used: number): string => (used < 1 ? '< 1' : Math.ceil(used).toLocaleString('en'))
  return [
    ['limit', 'there is', ...sizes.map((size) => size.toLocaleString('en'))].join(' | '),
    '--- | ---: | ---: | ---: | ---:',
    ...lines.map(([what, most, used]) =>
      [what, most.toLocaleString('en'), ...sizes.map((size) => told(used(size)))].join(' | '),
    ),
  ]
}
