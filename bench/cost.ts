import type { FunctionName } from '../lib/contract/routes.ts'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type { BundleWorld } from '../test/parts/infra/support/bundle-world.ts'
import { intakeEvent, startBundleWorld } from '../test/parts/infra/support/bundle-world.ts'
import { monthTable } from './cost-at-size.ts'
import { assumedSeconds, documentTable, operationTable, platformLogBytes } from './cost-tables.ts'
import type { Measured } from './cost-tables.ts'
import { pricesFrom } from './prices.ts'

/**
 * `npm run bench:cost`: runs every operation against the deployed bundles and
 * counts the AWS calls that each makes when it is warm, then multiplies with the
 * price table. `--write` puts the tables into docs/cost.md between its markers.
 */

type Seen = Pick<Measured, 'calls' | 'logBytes'>

/** The AWS actions of the calls that `run` makes (`dynamodb:GetItem`), and the bytes that it logs. */
async function measure(world: BundleWorld, run: () => Promise<unknown>): Promise<Seen> {
  const [before, said] = [world.gate.calls.length, world.host.logs().length]
  await run()
  const calls = world.gate.calls.slice(before).map((line) => line.replace(/^\S+: (\S+) on .*$/, '$1'))
  const lines = world.host.logs().slice(said).trim().split('\n')
  const logBytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + lineBytes, 0)
  return { calls, logBytes }
}

/** What each line of a log is paid for beside its text. */
const lineBytes = 26

/**
 * Entries of a document's indexes: `open` comes with the claim and goes when it is settled; `newest` and
 * `objects` come with a document, and the first moves with each change.
 */
const alongside: Readonly<Record<string, Pick<Measured, 'indexWrites' | 'tells'>>> = {
  'put, new': { indexWrites: 4, tells: true },
  'put, replace': { indexWrites: 4, tells: true },
  delete: { indexWrites: 4, tells: true },
  'start intake': { indexWrites: 1, tells: false },
  transfer: { indexWrites: 5, tells: true },
}
const nothing = { indexWrites: 0, tells: false }

type Operation = readonly [string, FunctionName, (id: string) => Promise<unknown>, number]

function operationsOf(
  api: BundleWorld['api'],
  connectionId: string,
  put: (id: string) => Promise<unknown>,
  intakeBody: { readonly json: object },
): readonly Operation[] {
  return [
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
}

async function measureAll(world: BundleWorld): Promise<{ http: Measured[]; ingest: Measured }> {
  const { api, host } = world
  const connectionId = await world.connect('google-drive', 'cost@example.com')
  const bytes = randomBytes(100_000)
  const put = (id: string) =>
    api.request('PUT', `/v1/documents/${id}?connectionId=${connectionId}`, { bytes })
  const intakeBody = { json: { connectionId, contentType: 'application/pdf', size: bytes.length } }
  const operations = operationsOf(api, connectionId, put, intakeBody)
  const http: Measured[] = []
  for (const [operation, functionName, run, seconds] of operations) {
    // The first run makes the function warm; what it reads once is not a cost of each call.
    await run(`first-${functionName}`)
    const seen = await measure(world, () => run(`second-${functionName}`))
    // A document has to be put before it is deleted.
    const putBefore = operation === 'delete' ? http[0] : undefined
    const calls = seen.calls.slice(putBefore?.calls.length ?? 0)
    const logBytes = seen.logBytes - (putBefore?.logBytes ?? 0)
    http.push({ operation, functionName, calls, logBytes, seconds, ...(alongside[operation] ?? nothing) })
  }
  const ingestOnce = async (id: string): Promise<Seen> => {
    const begun = await api.request<{ upload: { url: string; headers: Record<string, string> } }>(
      'POST',
      `/v1/documents/${id}/intake`,
      intakeBody,
    )
    const { url, headers } = begun.body.upload
    await fetch(url, { method: 'PUT', body: bytes, headers })
    const key = decodeURIComponent(new URL(url).pathname.split('/').slice(2).join('/'))
    return measure(world, () => host.invoke('ingest-object', intakeEvent(key, bytes.length)))
  }
  await ingestOnce('cost-first')
  const seen = await ingestOnce('cost-second')
  const transfer = {
    operation: 'transfer',
    functionName: 'ingest-object',
    seconds: assumedSeconds.drive,
  } as const
  return { http, ingest: { ...transfer, ...seen, ...(alongside['transfer'] ?? nothing) } }
}

async function main(): Promise<void> {
  const world = await startBundleWorld()
  try {
    const { http, ingest } = await measureAll(world)
    const text = [
      `Prices: ${pricesFrom}. Assumed, since only a deployment can measure it: ${assumedSeconds.drive} s for a call that asks a drive, ${assumedSeconds.table} s for one that does not, ${assumedSeconds.transferPerMiB} s for a MiB to a drive, ${platformLogBytes.gateway} bytes of the gateway’s log and ${platformLogBytes.run} of Lambda’s own a request; what our functions log is measured.`,
      '',
      '### Per million calls',
      '',
      ...operationTable(http),
      '',
      '### Per 1,000 documents through the intake',
      '',
      ...documentTable(ingest),
      '',
      '### A month',
      '',
      ...monthTable(http),
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
      /(<!-- computed -->\n)[^]*?(\n<!-- end -->)/,
      (_, before: string, after: string) => `${before}\n${text}\n${after}`,
    ),
  )
}

await main()
