import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { paginateListSecrets, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb'
import type { TableName } from '../../lib/contract/tables.ts'
import type { Check, Deployed, Finding } from './finding.ts'
import { fault, note, ok } from './finding.ts'

/** What stands in the tables and in Secrets Manager, as far as grants go. */
export interface GrantCount {
  readonly connections: readonly { readonly connectionId: string; readonly status: string }[]
  readonly grants: readonly {
    readonly connectionId: string
    readonly key?: unknown
    readonly at?: string
    readonly hot?: unknown
    readonly arriving?: string
    readonly goes?: readonly string[]
    readonly sealedWith?: string
    readonly packAt?: string
  }[]
  readonly cells: readonly { readonly cell: string }[]
  /** Names below the stage's prefix, as they were listed before the tables were read, and after that. */
  readonly secretsBefore: readonly string[]
  readonly secrets: readonly string[]
}

const dayMs = 24 * 3_600_000

/** Says what does not match; `now` in epoch milliseconds. */
export function findingsOf(count: GrantCount, now: number): readonly Finding[] {
  const { grants, cells, secrets } = count
  const withKey = grants.filter(({ key }) => key !== undefined)
  const old = secrets.filter(isOld)
  const singles = secrets.filter((name) => /^connections\/[^/]+\//.test(name)).length
  const keys = new Map<string, number>()
  for (const { sealedWith = 'none' } of withKey) keys.set(sealedWith, (keys.get(sealedWith) ?? 0) + 1)
  const sealed = [...keys].map(([name, times]) => `${times} with ${name}`).join(', ')
  return [
    ok(
      `${withKey.length} grants in ${cells.length} cells, ${singles} secrets of their own and ${old.length} of an earlier version`,
    ),
    ...(sealed === '' ? [] : [ok(`grants are sealed: ${sealed}`)]),
    ...betweenGrantsAndSecrets(count),
    ...betweenGrantsAndConnections(count),
    ...many(
      grants.filter(({ packAt }) => packAt !== undefined && Date.parse(packAt) < now - 2 * dayMs),
      (found) => fault(`${found} wait for the packer for two days`, 'infra/RUNBOOK.md, “pack-errors”'),
      'grants',
    ),
  ]
}

const isOld = (name: string): boolean => /^connections\/[^/]+$/.test(name)

/** One finding for all of `found`, with how many they are and the first of them; none when there are none. */
function many(
  found: readonly { readonly connectionId: string }[] | readonly string[],
  finding: (found: string, some: string) => Finding,
  what: string,
): readonly Finding[] {
  if (found.length === 0) return []
  const names = found.slice(0, 3).map((one) => (typeof one === 'string' ? one : one.connectionId))
  return [finding(`${found.length} ${what}`, `${names.join(', ')}${found.length > 3 ? ', …' : ''}`)]
}

function betweenGrantsAndSecrets({ grants, cells, secrets, secretsBefore }: GrantCount): readonly Finding[] {
  // Grants move meanwhile: what was there once is not lost, and what came just now may be named already.
  const before = new Set(secretsBefore)
  const there = new Set([...secretsBefore, ...secrets])
  const named = new Set([
    ...cells.map(({ cell }) => cell),
    ...grants.flatMap(({ at, arriving, goes = [] }) => [at, arriving, ...goes]),
  ])
  return [
    ...many(
      grants.filter(({ key, at = '', hot }) => key !== undefined && hot === undefined && !there.has(at)),
      (found, some) =>
        fault(
          `${found} point at a secret that is not there: ${some}`,
          'infra/RUNBOOK.md, “vault-inconsistent”',
        ),
      'grants',
    ),
    ...many(
      secrets.filter((name) => before.has(name) && !named.has(name) && !isOld(name)),
      (found, some) =>
        note(
          `${found} that nothing names: ${some}`,
          'they open for nobody; delete them when they are older than an hour',
        ),
      'secrets',
    ),
  ]
}

function betweenGrantsAndConnections({ grants, connections, secrets }: GrantCount): readonly Finding[] {
  const withKey = grants.filter(({ key }) => key !== undefined)
  const held = new Set([
    ...withKey.map(({ connectionId }) => connectionId),
    ...secrets.filter(isOld).map((name) => name.replace('connections/', '')),
  ])
  const status = new Map(connections.map((row) => [row.connectionId, row.status]))
  return [
    ...many(
      connections.filter(({ connectionId, status: is }) => is === 'active' && !held.has(connectionId)),
      (found, some) =>
        note(
          `${found} have no grant: ${some}`,
          'those of a drive that asks for none are right; others have to reconnect',
        ),
      'active connections',
    ),
    ...many(
      withKey.filter(
        ({ connectionId }) => !['active', 'requires_reauth'].includes(status.get(connectionId) ?? ''),
      ),
      (found, some) =>
        note(
          `${found} of connections that are not connected: ${some}`,
          'a disconnect broke off; the keep-alive ends it',
        ),
      'grants',
    ),
  ]
}

/** Counts grants, their rows and their secrets. */
export function grantCheck({ stage }: Deployed): Check {
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient({}))
  const secretsManager = new SecretsManagerClient({})
  const rowsOf = async <Row>(name: TableName): Promise<Row[]> => {
    const rows: Row[] = []
    for await (const { Items = [] } of paginateScan(
      { client: dynamo },
      { TableName: `driveway-${stage}-${name}` },
    ))
      rows.push(...(Items as Row[]))
    return rows
  }
  const names = async (): Promise<string[]> => {
    const prefix = `driveway/${stage}/`
    const Values = ['connections/', 'cells/'].map((kind) => `${prefix}${kind}`)
    const found: string[] = []
    for await (const { SecretList = [] } of paginateListSecrets(
      { client: secretsManager },
      { Filters: [{ Key: 'name', Values }] },
    ))
      found.push(...SecretList.map(({ Name = '' }) => Name.slice(prefix.length)))
    return found
  }
  return {
    name: 'grants',
    async run() {
      const secretsBefore = await names()
      const [connections, grants, cells] = await Promise.all([
        rowsOf<GrantCount['connections'][number]>('connections'),
        rowsOf<GrantCount['grants'][number]>('grants'),
        rowsOf<GrantCount['cells'][number]>('cells'),
      ])
      return findingsOf({ connections, grants, cells, secretsBefore, secrets: await names() }, Date.now())
    },
  }
}
