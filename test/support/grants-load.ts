import assert from 'node:assert/strict'
import { ListSecretVersionIdsCommand, paginateListSecrets } from '@aws-sdk/client-secrets-manager'
import type { Connection } from '../../lib/catalog/connections.ts'
import type { CellRow } from '../../lib/catalog/cells.ts'
import type { GrantRow } from '../../lib/catalog/grants.ts'
import { itemsIn, maxCellBytes } from '../../lib/grants/cell.ts'
import { connectGrant, disconnectGrant } from '../../lib/grants/connect.ts'
import { openItem } from '../../lib/grants/item.ts'
import { pack } from '../../lib/grants/pack.ts'
import { createAccessTokens } from '../../lib/grants/tokens/access-tokens.ts'
import { newConnectionId } from '../../lib/ids.ts'
import { atOnce } from '../../lib/net/at-once.ts'
import { secret } from '../../lib/secret.ts'
import type { Stack } from './grants-stack.ts'
import { secretPrefix, secretsClient } from './grants-stack.ts'
import type { Cloud, World } from './grants-world.ts'
import { caller } from './grants-world.ts'

const callsAtOnce = 8
export const loadProviders: readonly Cloud[] = ['google-drive', 'onedrive']

/** What is known of a connection: who was killed may have written or not, so there may be two answers. */
export interface Known {
  readonly connection: Connection
  /** Tokens that may be the newest one; undefined stands for none. */
  may: Set<string | undefined>
}

/** What a user or the clock has somebody do with a connection. */
export const loadActs = ['consent', 'rotate', 'refresh', 'leave'] as const
export type LoadAct = (typeof loadActs)[number]

/** The same numbers in each run. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Connections that nobody has consented to yet. */
export async function startConnections({ main }: World, count: number): Promise<Known[]> {
  const all: Known[] = []
  const numbers = Array.from({ length: count }, (_, at) => at)
  await atOnce(callsAtOnce, numbers, async (at) => {
    const provider = loadProviders[at % loadProviders.length] ?? 'onedrive'
    const holder = { ...caller('load'), connectionId: newConnectionId(), provider, accountId: 'a' }
    const connection = await main.connections.create({ ...holder, status: 'disconnected' })
    all.push({ connection, may: new Set([undefined]) })
  })
  return all
}

const acts: Readonly<
  Record<LoadAct, (stack: Stack, connection: Connection, token: string) => Promise<void>>
> = {
  async consent(stack, connection, token) {
    const set = { accessToken: secret('a'), expiresInSeconds: 60, scopes: [], refreshToken: secret(token) }
    const activate = () => ({ status: 'active' as const })
    await connectGrant(stack, connection, { kind: 'oauth2', tokens: set }, (along) =>
      stack.connections.change(connection, connection.connectionId, activate, along),
    )
  },
  async rotate(stack, connection, token) {
    const read = await stack.grants.read(connection)
    if (read !== undefined) await stack.grants.used(connection, read, { refreshToken: secret(token) })
  },
  // Under its lease, of a provider that takes every token and gives another one.
  async refresh(stack, { userKey, connectionId }, token) {
    const connection = await stack.connections.named(userKey, connectionId)
    if (connection?.status !== 'active') return
    const tokens = {
      accessToken: secret('a'),
      expiresInSeconds: 3600,
      scopes: [],
      refreshToken: secret(token),
    }
    const refresh = () => Promise.resolve({ granted: true as const, tokens })
    await createAccessTokens({ ...stack, refresh, leaseMs: 500 }).keepAlive(connection)
  },
  async leave(stack, connection) {
    const leave = () => ({ status: 'disconnected' as const })
    await stack.connections.change(connection, connection.connectionId, leave)
    await disconnectGrant(stack, connection)
  },
}

/** Does one act; whoever does it may die over it. */
export const doAct = (stack: Stack, act: LoadAct, connection: Connection, token: string): Promise<void> =>
  acts[act](stack, connection, token)

/** What may stand after it. A rotation does nothing where there is no grant. */
export function learn(known: Known, act: LoadAct, token: string, lived: boolean): void {
  const after = [...known.may].map((before) =>
    act === 'consent' ? token : act === 'leave' ? undefined : before && token,
  )
  known.may = new Set(lived ? after : [...known.may, ...after])
}

/** One run over all providers, by somebody who has nothing that could open a grant. */
export async function packAll({ grantRows, cells, secrets, clock }: Stack): Promise<void> {
  for (const provider of loadProviders)
    await pack({ grantRows, cells, secrets, clock }, provider, () => false)
}

/** After a round: everything that broke off is gone on with, as its next run or its user does. */
export async function settleAll(world: World, all: readonly Known[]): Promise<void> {
  await atOnce(callsAtOnce, all, async ({ connection }) => {
    const seen = await world.main.connections.get(connection, connection.connectionId)
    if (seen?.status === 'disconnected') await disconnectGrant(world.main, seen)
  })
  for (let run = 0; run < 3; run += 1) {
    world.advance(26 * 3_600_000)
    await packAll(world.open())
  }
}

async function secretNames(world: World): Promise<string[]> {
  const client = secretsClient(world.endpoints.secrets)
  const Filters = ['connections/', 'cells/'].map((name) => `${secretPrefix}/${name}`)
  const query = { Filters: [{ Key: 'name' as const, Values: Filters }], IncludePlannedDeletion: true }
  const names: string[] = []
  for await (const { SecretList = [] } of paginateListSecrets({ client }, query))
    names.push(...SecretList.map(({ Name = '' }) => Name.slice(secretPrefix.length + 1)))
  client.destroy()
  return names.toSorted()
}

async function grantRowsOf({ main }: World): Promise<readonly GrantRow[]> {
  const rows: GrantRow[] = []
  let page = await main.grantRows.scan()
  for (; page.nextKey !== undefined; page = await main.grantRows.scan(page.nextKey)) rows.push(...page.rows)
  return [...rows, ...page.rows]
}

async function cellsOf({ main }: World): Promise<readonly CellRow[]> {
  const rows: CellRow[] = []
  let page = await main.cells.scan()
  for (; page.nextKey !== undefined; page = await main.cells.scan(page.nextKey)) rows.push(...page.rows)
  return [...rows, ...page.rows]
}

/** What holds at every instant, whoever has just died: V1, V2, V3, V5, V6 of the models. */
export async function checkAnytime(
  world: World,
  all: readonly Known[],
): Promise<{ readonly secrets: number }> {
  const stack = world.open()
  const rows = new Map((await grantRowsOf(world)).map((row) => [row.connectionId, row]))
  await atOnce(callsAtOnce, all, async (known) => {
    const { connection } = known
    const seen = await world.main.connections.get(connection, connection.connectionId)
    assert.ok(
      seen?.status === 'active' || seen?.status === 'disconnected',
      `nobody has to reconnect: ${seen?.status}`,
    )
    const row = rows.get(connection.connectionId)
    const token =
      row?.key === undefined ? undefined : (await stack.readGrant(connection))?.refreshToken.reveal()
    assert.ok(known.may.has(token), `${connection.connectionId} has another grant than its newest one`)
    if (seen.status === 'active')
      assert.ok(token !== undefined, `${connection.connectionId} has lost its grant`)
    if (token === undefined)
      assert.deepEqual([row?.key, row?.hot, row?.at], [undefined, undefined, undefined])
  })
  const cells = await cellsOf(world)
  const named = new Set([
    ...cells.map(({ cell }) => cell),
    ...[...rows.values()].flatMap(({ at, arriving, goes }) => [at, arriving, ...goes]),
  ])
  const names = await secretNames(world)
  assert.deepEqual(
    names.filter((name) => !named.has(name)),
    [],
    'every secret has a name that leads to it',
  )
  return { secrets: names.length }
}

/** What holds once all is settled: V1 to V7. How many secrets there are then. */
export async function checkSettled(
  world: World,
  all: readonly Known[],
): Promise<{ readonly secrets: number }> {
  await checkAnytime(world, all)
  const stack = world.open()
  const rows = new Map((await grantRowsOf(world)).map((row) => [row.connectionId, row]))
  await atOnce(callsAtOnce, all, async (known) => {
    const { connection } = known
    const seen = await world.main.connections.get(connection, connection.connectionId)
    const token = (await stack.readGrant(connection))?.refreshToken.reveal()
    assert.equal(token !== undefined, seen?.status === 'active')
    if (token === undefined) assert.deepEqual(rows.get(connection.connectionId)?.leaves ?? [], [])
    known.may = new Set([token])
  })
  // No secret but those that rows point at, and nothing in them that does not stand there.
  const names = await secretNames(world)
  const pointed = new Set([...rows.values()].flatMap(({ at }) => at ?? []))
  assert.deepEqual(names, [...pointed].toSorted())
  assert.deepEqual(names, (await cellsOf(world)).map(({ cell }) => cell).toSorted())
  const client = secretsClient(world.endpoints.secrets)
  for (const name of names) {
    const asked = { SecretId: `${secretPrefix}/${name}`, IncludeDeprecated: true }
    const { Versions = [] } = await client.send(new ListSecretVersionIdsCommand(asked))
    assert.equal(Versions.length, 1, `${name} is written once`)
    const bytes = (await world.main.secrets.read(name)) ?? assert.fail(`${name} is lost`)
    assert.ok(bytes.length <= maxCellBytes)
    for (const item of itemsIn(bytes)) {
      const row = rows.get(item.connectionId) ?? assert.fail(`an item of nobody in ${name}`)
      assert.equal(row.at, name)
      const owner = { ...row, key: row.key ?? assert.fail('an item without a key') }
      assert.ok(row.hot !== undefined || (await openItem(stack.sealKeys, owner, item)) !== undefined)
    }
  }
  client.destroy()
  return { secrets: names.length }
}
