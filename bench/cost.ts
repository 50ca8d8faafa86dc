import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { functionPlans } from '../infra/functions.ts'
import type { BundleWorld } from '../test/infra/support/bundle-world.ts'
import { intakeEvent, startBundleWorld } from '../test/infra/support/bundle-world.ts'
import { prices, pricesFrom } from './prices.ts'

/**
 * `npm run bench:cost`: runs every operation against the deployed bundles and counts the AWS calls that each makes when it is warm,
 * then multiplies with the price table. `--write` puts the tables into docs/cost.md between its markers.
 */

/** What a call waits for is the provider, so its time cannot be measured here: these are assumed, seconds. */
const assumedSeconds = { drive: 0.6, table: 0.03, transferPerMiB: 0.05 } as const
/** A request's own lines in the functions' and the gateway's logs. */
const logBytes = 1_200

interface Measured {
  readonly operation: string
  readonly functionName: string
  readonly calls: readonly string[]
  readonly seconds: number
}

/** The AWS actions of the calls that `run` makes: `dynamodb:GetItem`. */
async function measure(world: BundleWorld, run: () => Promise<unknown>): Promise<readonly string[]> {
  const before = world.gate.calls.length
  await run()
  return world.gate.calls.slice(before).map((line) => line.replace(/^\S+: (\S+) on .*$/, '$1'))
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
  const memoryGb = (functionPlans[functionName]?.memoryMiB ?? 1_024) / 1_024
  const compute = prices.lambdaRequest + seconds * memoryGb * prices.lambdaGbSecond
  const aws = calls.reduce((sum, action) => sum + priceOf(action), 0)
  return (http ? prices.apiRequest : 0) + compute + aws + (logBytes / 1024 ** 3) * prices.logGb
}

function counted(calls: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const action of calls) counts.set(action, (counts.get(action) ?? 0) + 1)
  return (
    [...counts].map(([action, count]) => (count === 1 ? action : `${count} ${action}`)).join(', ') || 'none'
  )
}

async function measureAll(world: BundleWorld): Promise<{ http: Measured[]; ingest: Measured }> {
  const { api, host } = world
  const connectionId = await world.connect('google-drive', 'cost@example.com')
  const bytes = randomBytes(100_000)
  const put = (id: string) =>
    api.request('PUT', `/v1/documents/${id}?connectionId=${connectionId}`, { bytes })
  const intakeBody = { json: { connectionId, contentType: 'application/pdf', size: bytes.length } }
  const operations: [string, string, (id: string) => Promise<unknown>, number][] = [
    ['put, new', 'put-document', (id) => put(id), assumedSeconds.drive],
    ['put, replace', 'put-document', () => put('warm'), assumedSeconds.drive],
    ['stat', 'stat-document', () => api.request('GET', '/v1/documents/warm'), assumedSeconds.drive],
    ['get', 'get-document', () => api.request('GET', '/v1/documents/warm/content'), assumedSeconds.drive],
    [
      'health',
      'check-health',
      () => api.request('GET', `/v1/connections/${connectionId}/health`),
      assumedSeconds.drive,
    ],
    ['list documents', 'list-documents', () => api.request('GET', '/v1/documents'), assumedSeconds.table],
    [
      'list connections',
      'list-connections',
      () => api.request('GET', '/v1/connections'),
      assumedSeconds.table,
    ],
    [
      'presigned get (501 on a drive)',
      'create-download-url',
      () => api.request('POST', '/v1/documents/warm/download-url', { json: {} }),
      assumedSeconds.table,
    ],
    [
      'presigned put (501 on a drive)',
      'create-upload-url',
      () =>
        api.request('POST', '/v1/documents/warm/upload-url', {
          json: { connectionId, contentType: 'text/plain' },
        }),
      assumedSeconds.table,
    ],
    [
      'start intake',
      'start-intake',
      (id) => api.request('POST', `/v1/documents/${id}-intake/intake`, intakeBody),
      assumedSeconds.table,
    ],
    [
      'delete',
      'delete-document',
      (id) => put(id).then(() => api.request('DELETE', `/v1/documents/${id}`)),
      assumedSeconds.drive,
    ],
  ]
  const http: Measured[] = []
  for (const [operation, functionName, run, seconds] of operations) {
    // The first run makes the function warm; what it reads once is not a cost of each call.
    await run(`first-${functionName}`)
    const calls = await measure(world, () => run(`second-${functionName}`))
    const putsFirst = operation === 'delete' ? (http[0]?.calls.length ?? 0) : 0
    http.push({ operation, functionName, calls: calls.slice(putsFirst), seconds })
  }
  const ingestOnce = async (id: string): Promise<readonly string[]> => {
    const begun = await api.request<{ upload: { url: string; headers: Record<string, string> } }>(
      'POST',
      `/v1/documents/${id}/intake`,
      intakeBody,
    )
    const { url, headers } = begun.body.upload
    await fetch(url, { method: 'PUT', body: bytes, headers })
    const key = decodeURIComponent(new URL(url).pathname.split('/').slice(2).join('/'))
    return measure(world, () => host.invoke('ingest-object', intakeEvent(key)))
  }
  await ingestOnce('cost-first')
  const calls = await ingestOnce('cost-second')
  return {
    http,
    ingest: { operation: 'transfer', functionName: 'ingest-object', calls, seconds: assumedSeconds.drive },
  }
}

function operationTable(http: readonly Measured[]): string[] {
  return [
    'operation | AWS calls when warm | US$ per million',
    '--- | --- | ---:',
    ...http.map(
      (measured) =>
        `${measured.operation} | ${counted(measured.calls)} | ${dollars(costPerCall(measured, true) * 1e6)}`,
    ),
  ]
}

function documentTable(ingest: Measured): string[] {
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

function connectionTable(): string[] {
  const refreshes = 8 * 30
  const perRefresh = 2 * prices.dynamoRead + 2 * prices.dynamoWrite
  const secrets = prices.secretMonth * 1_000
  return [
    'what | 1,000 connections a month, US$',
    '--- | ---:',
    `one secret each | ${dollars(secrets)}`,
    `in use 8 hours a day: ${refreshes} refreshes, DynamoDB | ${dollars(refreshes * perRefresh * 1_000)}`,
    `Microsoft only: the rotated token into its secret once a day | ${dollars(30 * 2 * (prices.secretCall + prices.kmsCall) * 1_000)}`,
    `idle: the keep-alive, once in some weeks | ${dollars((perRefresh + 2 * prices.secretCall) * 1_000)}`,
  ]
}

function fixedTable(): string[] {
  const alarms = 12
  const metrics = 40
  const total =
    prices.kmsKeyMonth +
    3 * prices.secretMonth +
    alarms * prices.alarmMonth +
    metrics * prices.metricMonth +
    prices.dashboardMonth
  return [
    'what stands still | US$ a month',
    '--- | ---:',
    `the key | ${dollars(prices.kmsKeyMonth)}`,
    `three secrets: two OAuth clients, the sealing key | ${dollars(3 * prices.secretMonth)}`,
    `${alarms} alarms | ${dollars(alarms * prices.alarmMonth)}`,
    `about ${metrics} metrics, by provider, operation and code | ${dollars(metrics * prices.metricMonth)}`,
    `the dashboard (three are free in an account) | ${dollars(prices.dashboardMonth)}`,
    `together | ${dollars(total)}`,
  ]
}

async function main(): Promise<void> {
  const world = await startBundleWorld()
  try {
    const { http, ingest } = await measureAll(world)
    const text = [
      `Prices: ${pricesFrom}. Assumed, since only a deployment can measure it: ${assumedSeconds.drive} s for a call that asks a drive, ${assumedSeconds.table} s for one that does not, ${assumedSeconds.transferPerMiB} s for a MiB to a drive; ${logBytes} bytes of logs a request.`,
      '',
      '### Per million calls',
      '',
      ...operationTable(http),
      '',
      '### Per 1,000 documents through the intake',
      '',
      ...documentTable(ingest),
      '',
      '### Per 1,000 connections',
      '',
      ...connectionTable(),
      '',
      '### With nobody there',
      '',
      ...fixedTable(),
    ].join('\n')
    console.log(text)
    if (process.argv.includes('--write')) write(text)
  } finally {
    await world.close()
  }
}

function write(text: string): void {
  const file = 'docs/cost.md'
  const page = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    page.replace(
      /(<!-- computed -->\n)[^]*(\n<!-- end -->)/,
      (_, before: string, after: string) => `${before}\n${text}\n${after}`,
    ),
  )
}

await main()
