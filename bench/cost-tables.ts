import type { FunctionName } from '../lib/contract/routes.ts'
import { functionPlans } from '../infra/functions.ts'
import { defaultChangesWithinMinutes } from '../lib/contract/limits.ts'
import { aboutOf, oauth2Of, oauthProviderIds, providerIds } from '../lib/providers/registry.ts'
import { shardsOf } from '../lib/catalog/shards.ts'
import { prices } from './prices.ts'

/** What a call waits for is the provider, so its time cannot be measured here: these are assumed, seconds. */
export const assumedSeconds = { drive: 0.6, table: 0.03, transferPerMiB: 0.05 } as const
/** A request's own lines in the functions' and the gateway's logs. */
export const logBytes = 1_200

export interface Measured {
  readonly operation: string
  readonly functionName: FunctionName
  readonly calls: readonly string[]
  readonly seconds: number
}

function priceOf(action: string): number {
  const [service = '', name = ''] = action.split(':')
  switch (service) {
    case 'dynamodb':
      return name === 'GetItem' || name === 'Query' || name === 'Scan'
        ? prices.dynamoRead
        : prices.dynamoWrite
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

function dollars(value: number): string {
  return value.toFixed(2)
}

function costPerCall({ functionName, calls, seconds }: Measured, http: boolean): number {
  const memoryGb = functionPlans[functionName].memoryMiB / 1_024
  const compute = prices.lambdaRequest + seconds * memoryGb * prices.lambdaGbSecond
  const aws = calls.reduce((sum, action) => sum + priceOf(action), 0)
  return (http ? prices.apiRequest : 0) + compute + aws + (logBytes / 1024 ** 3) * prices.logGb
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
    'operation | AWS calls when warm | US$ per million',
    '--- | --- | ---:',
    ...http.map(
      (measured) =>
        `${measured.operation} | ${counted(measured.calls)} | ${dollars(costPerCall(measured, true) * 1e6)}`,
    ),
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

/** What connections cost in a month. */
export function connectionTable(): string[] {
  const refreshes = 8 * 30
  // Tokens row: read, lease, settle; and a read of the grant's row.
  const perRefresh = 2 * prices.dynamoRead + 2 * prices.dynamoWrite
  // A look: connection and token are read, the connection again as it is written, and its index moves.
  const looks = (30 * 24 * 60) / defaultChangesWithinMinutes
  const hours = 30 * 24
  const gb = functionPlans['follow-drives'].memoryMiB / 1024
  const perLook = 3 * prices.dynamoRead + 3 * prices.dynamoWrite + lookSeconds * gb * prices.lambdaGbSecond
  const rotating = oauthProviderIds
    .map(oauth2Of)
    .filter(({ refreshTokens }) => refreshTokens !== 'kept')
    .map(({ registrar }) => registrar)
    .join(', ')
  const inCells = tokenSizes.map(([whose, bytes]) => {
    const most = Math.floor(cellBytes / (bytes + itemBytes))
    const each = prices.secretMonth / (most * filled)
    return `refresh tokens of ${bytes} bytes (${whose}): ${most} in a full cell | ${dollars(each * 1_000)}`
  })
  return [
    'what | 1,000 connections a month, US$',
    '--- | ---:',
    ...inCells,
    `in use 8 hours a day: ${refreshes} refreshes, DynamoDB | ${dollars(refreshes * perRefresh * 1_000)}`,
    `${rotating} only: the rotated token into its row | ${dollars(refreshes * 2 * prices.dynamoWrite * 1_000)}`,
    `1,000 events each, told one by one: \`tell\` and the bus | ${dollars(costPerCall({ operation: 'tell', functionName: 'tell', calls: ['events:PutEvents'], seconds: tellSeconds }, false) * 1e6)}`,
    `its drive looked at every ${defaultChangesWithinMinutes} minutes, where nothing happens: ${looks} looks, ${hours} refreshes | ${dollars((looks * perLook + hours * perRefresh) * 1_000)}`,
    `idle: the keep-alive, once in some weeks | ${dollars((perRefresh + 2 * prices.secretCall) * 1_000)}`,
  ]
}

/** What is paid when nobody comes. */
export function fixedTable(): string[] {
  const secrets = oauthProviderIds.length + 1
  const alarms = 17
  const metrics = 40
  // A query for each part of the index, which is read as it is, and a tenth of a second of the function.
  const minutes = 30 * 24 * 60
  const parts = providerIds.filter((id) => aboutOf(id).tellsChanges).flatMap(shardsOf).length
  const perRun =
    prices.lambdaRequest + 0.1 * (functionPlans['follow-drives'].memoryMiB / 1024) * prices.lambdaGbSecond
  const looking = minutes * (perRun + (parts * prices.dynamoRead) / 2)
  const total =
    prices.kmsKeyMonth +
    secrets * prices.secretMonth +
    alarms * prices.alarmMonth +
    metrics * prices.metricMonth +
    prices.dashboardMonth +
    looking
  return [
    'what stands still | US$ a month',
    '--- | ---:',
    `the key | ${dollars(prices.kmsKeyMonth)}`,
    `${secrets} secrets: ${oauthProviderIds.length} OAuth clients, the sealing key | ${dollars(secrets * prices.secretMonth)}`,
    `${alarms} alarms | ${dollars(alarms * prices.alarmMonth)}`,
    `about ${metrics} metrics, by provider, operation and code | ${dollars(metrics * prices.metricMonth)}`,
    `the dashboard (three are free in an account) | ${dollars(prices.dashboardMonth)}`,
    `the look, every minute, for drives that are due | ${dollars(looking)}`,
    `together | ${dollars(total)}`,
  ]
}
