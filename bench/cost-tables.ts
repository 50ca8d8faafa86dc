import type { FunctionName } from '../lib/contract/routes.ts'
import { functionPlans } from '../infra/functions.ts'
import { defaultChangesWithinMinutes } from '../lib/contract/limits.ts'
import { aboutOf, oauth2Of, oauthProviderIds, providerIds } from '../lib/providers/registry.ts'
import { shardsOf } from '../lib/catalog/shards.ts'
import { prices } from './prices.ts'

/** What a call waits for is the provider, so its time cannot be measured here: these are assumed, seconds. */
export const assumedSeconds = { drive: 0.6, table: 0.03, transferPerMiB: 0.05 } as const
/** The gateway's line of a request, and the three that Lambda writes of each run, in usual lengths. */
export const platformLogBytes = { gateway: 450, run: 410 } as const

export interface Measured {
  readonly operation: string
  readonly functionName: FunctionName
  readonly calls: readonly string[]
  readonly seconds: number
  /** Of the function's own log. */
  readonly logBytes: number
  /** Entries of indexes that are made, moved (which is two) or taken away. */
  readonly indexWrites: number
  /** Whether it ends with an event. */
  readonly tells: boolean
}

function priceOf(action: string): number {
  const [service = '', name = ''] = action.split(':')
  switch (service) {
    case 'dynamodb':
      return /^(?:GetItem|BatchGetItem|Query|Scan)$/.test(name) ? prices.dynamoRead : prices.dynamoWrite
    case 'secretsmanager':
      // Each reading or writing of a value asks the key once.
      return prices.secretCall + prices.kmsCall
    case 's3':
      return /^(?:Get|Head)/.test(name) ? prices.s3Get : name === 'DeleteObject' ? 0 : prices.s3Put
    case 'sqs':
      return prices.sqsCall
    default:
      return prices.event
  }
}

export function dollars(value: number): string {
  return value.toFixed(2)
}

/** What a call costs, by what is paid, US dollars. */
export function partsOf(
  { functionName, calls, seconds, logBytes, indexWrites, tells }: Measured,
  http: boolean,
) {
  const memoryGb = functionPlans[functionName].memoryMiB / 1_024
  const bytes = logBytes + platformLogBytes.run + (http ? platformLogBytes.gateway : 0)
  return {
    gateway: http ? prices.apiRequest : 0,
    compute: prices.lambdaRequest + seconds * memoryGb * prices.lambdaGbSecond,
    calls: calls.reduce((sum, action) => sum + priceOf(action), 0),
    indexes: indexWrites * prices.dynamoWrite,
    event: tells ? perEvent() : 0,
    logs: (bytes / 1024 ** 3) * prices.logGb,
  }
}

export const costPerCall = (measured: Measured, http: boolean): number =>
  Object.values(partsOf(measured, http)).reduce((sum, part) => sum + part, 0)

/** One event told by itself; where many come at once, a run tells a hundred. */
export const perEvent = (): number => {
  const { lambdaRequest, lambdaGbSecond, logGb, event } = prices
  const run = lambdaRequest + tellSeconds * (functionPlans.tell.memoryMiB / 1024) * lambdaGbSecond
  return run + event + (platformLogBytes.run / 1024 ** 3) * logGb
}

/** A batch is one call, and paid by the row. */
function counted(calls: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const action of calls) counts.set(action, (counts.get(action) ?? 0) + 1)
  const words = [...counts].map(([action, count]) => {
    if (action.endsWith('BatchGetItem')) return `${action} (${count} rows)`
    return count === 1 ? action : `${count} ${action}`
  })
  return words.join(', ') || 'none'
}

/** What a call of each operation costs. */
export function operationTable(http: readonly Measured[]): string[] {
  return [
    'operation | AWS calls when warm | gateway | function | calls | indexes | event | logs | US$ per million',
    '--- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---:',
    ...http.map((measured) => {
      const parts = Object.values(partsOf(measured, true)).map((part) => dollars(part * 1e6))
      return [
        measured.operation,
        counted(measured.calls),
        ...parts,
        dollars(costPerCall(measured, true) * 1e6),
      ].join(' | ')
    }),
  ]
}

/** What transfers of documents of several sizes cost. */
export function documentTable(ingest: Measured): string[] {
  const row = (name: string, mib: number): string => {
    const seconds = assumedSeconds.drive + mib * assumedSeconds.transferPerMiB
    const reads = Math.max(1, Math.ceil(mib / 10)) - 1
    const each =
      costPerCall({ ...ingest, seconds }, false) + reads * prices.s3Get + prices.s3Put + 3 * prices.sqsCall
    return `${name} | ${dollars(each * 1_000)} | ${dollars((mib / 1024) * prices.outGb * 1_000)}`
  }
  return [
    `One transfer makes these calls: ${counted(ingest.calls)}; larger documents read the bucket once for every 10 MiB.`,
    '',
    'size | 1,000 documents, US$ | their bytes out to the drive, US$',
    '--- | ---: | ---:',
    row('100 KiB', 0.1),
    row('1 MiB', 1),
    row('10 MiB', 10),
    row('100 MiB', 100),
    row('1 GiB', 1024),
  ]
}

/** Billed are whole milliseconds of a function that does little: it reads its batch and sends it on. */
const tellSeconds = 0.05

/** One call of the drive, of which a function makes ten and more at once. */
const lookSeconds = assumedSeconds.drive / 10

/** Secrets Manager's limit of a value, what a sealed grant takes beside its token, and how full cells are. */
const cellBytes = 65_536
const itemBytes = 57
const filled = 0.9
/** Google documents 512 bytes at most; Microsoft documents nothing, these were seen. */
const tokenSizes = [
  ['Google, usual', 103],
  ['Google, at most', 512],
  ['Microsoft, personal', 450],
  ['Microsoft, work', 1_500],
  ['Microsoft, work, large', 1_900],
] as const

/** Of a refresh token of so many bytes in cells, US dollars. */
const inFullCell = (bytes: number): number => Math.floor(cellBytes / (bytes + itemBytes))
export const cellMonth = (bytes: number): number => prices.secretMonth / (inFullCell(bytes) * filled)

/** Tokens row: read, lease, settle; and a read of the grant's row. */
export const perRefresh = (): number => 2 * prices.dynamoRead + 2 * prices.dynamoWrite

/** How often a drive is looked at in a month. */
export const looks = (30 * 24 * 60) / defaultChangesWithinMinutes
const hours = 30 * 24

/** A drive that is looked at all the time, and its access token kept: US dollars. */
export function lookMonth(): number {
  // Connection and token are read, the connection again as it is written, and its index moves.
  const gb = functionPlans['follow-drives'].memoryMiB / 1024
  const perLook = 3 * prices.dynamoRead + 3 * prices.dynamoWrite + lookSeconds * gb * prices.lambdaGbSecond
  return looks * perLook + hours * perRefresh()
}

/** What connections cost in a month. */
export function connectionTable(): string[] {
  const refreshes = 8 * 30
  const rotating = oauthProviderIds
    .map(oauth2Of)
    .filter(({ refreshTokens }) => refreshTokens !== 'kept')
    .map(({ registrar }) => registrar)
    .join(', ')
  const inCells = tokenSizes.map(([whose, bytes]) => {
    const most = inFullCell(bytes)
    return `refresh tokens of ${bytes} bytes (${whose}): ${most} in a full cell | ${dollars(cellMonth(bytes) * 1_000)}`
  })
  return [
    'what | 1,000 connections a month, US$',
    '--- | ---:',
    ...inCells,
    `in use 8 hours a day: ${refreshes} refreshes, DynamoDB | ${dollars(refreshes * perRefresh() * 1_000)}`,
    `${rotating} only: the rotated token into its row | ${dollars(refreshes * 2 * prices.dynamoWrite * 1_000)}`,
    `1,000 events each, told one by one: \`tell\` and the bus | ${dollars(perEvent() * 1e6)}`,
    `its drive looked at every ${defaultChangesWithinMinutes} minutes, where nothing happens: ${looks} looks, ${hours} refreshes | ${dollars(lookMonth() * 1_000)}`,
    `idle: the keep-alive, once in some weeks | ${dollars((perRefresh() + 2 * prices.secretCall) * 1_000)}`,
  ]
}

const alarms = 17
/** Of the intake's three and the webhooks': five pollers each ask anew when 20 seconds brought nothing. */
const polledQueues = 4
const pollsOfQueue = (5 * 30 * 86_400) / 20

/** What is paid when nobody comes, by what it is paid for. */
function fixedParts(): readonly (readonly [string, number])[] {
  const secrets = oauthProviderIds.length + 1
  // A query for each part of the index, which is read as it is, and a tenth of a second of the function.
  const minutes = 30 * 24 * 60
  const parts = providerIds.filter((id) => aboutOf(id).tellsChanges).flatMap(shardsOf).length
  const gb = functionPlans['follow-drives'].memoryMiB / 1024
  const perRun = prices.lambdaRequest + 0.1 * gb * prices.lambdaGbSecond
  return [
    ['the key; a year and two years later a dollar more', prices.kmsKeyMonth],
    [
      `${secrets} secrets: ${oauthProviderIds.length} OAuth clients, the sealing key`,
      secrets * prices.secretMonth,
    ],
    [`${alarms} alarms`, alarms * prices.alarmMonth],
    [`${polledQueues} queues, asked in vain`, polledQueues * pollsOfQueue * prices.sqsCall],
    [
      'the dashboard: an account has three of up to 50 metrics for nothing; it names 27, and finds the functions',
      0,
    ],
    ['the look, every minute, for drives that are due', minutes * (perRun + (parts * prices.dynamoRead) / 2)],
  ]
}

export const fixedMonth = (): number => fixedParts().reduce((sum, [, each]) => sum + each, 0)

/** What is paid when nobody comes. */
export function fixedTable(): string[] {
  return [
    'what stands still | US$ a month',
    '--- | ---:',
    ...fixedParts().map(([what, each]) => `${what} | ${dollars(each)}`),
    `together | ${dollars(fixedMonth())}`,
  ]
}
