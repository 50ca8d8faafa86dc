import { paginateListSecrets, ListSecretVersionIdsCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { itemsIn, maxCellBytes } from '../../../lib/grants/cell.ts'
import { connectGrant, disconnectGrant } from '../../../lib/grants/connect.ts'
import { pack } from '../../../lib/grants/pack.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { secret } from '../../../lib/secret.ts'
import type { Stack } from '../../support/grants-stack.ts'
import { secretPrefix, secretsClient } from '../../support/grants-stack.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import { caller, openWorld } from '../../support/grants-world.ts'
import { mortality } from '../../support/mortality.ts'

/** How many connections, and how many work on them at once: more of both for a whole load. */
const connections = Number(process.env['GRANTS_LOAD_CONNECTIONS'] ?? 60)
const workers = Number(process.env['GRANTS_LOAD_WORKERS'] ?? 6)
const rounds = 2

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const providers: readonly Cloud[] = ['google-drive', 'onedrive']

/** What is known of a connection: who was killed may have written or not, so there may be two answers. */
interface Known {
  readonly connection: Connection
  /** Tokens that may be the newest one; undefined stands for none. */
  may: Set<string | undefined>
}

/** The same numbers in each run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const random = randomFrom(20_261_127)
let tokens = 0

async function consent(stack: Stack, connection: Connection, token: string): Promise<void> {
  const set = { accessToken: secret('a'), expiresInSeconds: 60, scopes: [], refreshToken: secret(token) }
  await connectGrant(stack, connection, { kind: 'oauth2', tokens: set }, (along) =>
    stack.connections.change(connection, connection.connectionId, () => ({ status: 'active' }), along),
  )
}

async function leave(stack: Stack, connection: Connection): Promise<void> {
  await stack.connections.change(connection, connection.connectionId, () => ({ status: 'disconnected' }))
  await disconnectGrant(stack, connection)
}

async function rotate(stack: Stack, connection: Connection, token: string): Promise<void> {
  const read = await stack.grants.read(connection)
  if (read !== undefined) await stack.grants.used(connection, read, { refreshToken: secret(token) })
}

/** One act of one user, by a process that dies at any call of AWS, before or after it was done. */
async function act(known: Known): Promise<void> {
  const token = `token-${(tokens += 1)}`.padEnd(600, '.')
  const life = mortality(random() < 0.5 ? Math.floor(random() * 14) : Infinity, random() < 0.5)
  const stack = world.open({ onCall: life.onCall })
  const { connection, may } = known
  const kind = Math.floor(random() * 4)
  const work = [consent, rotate, rotate, leave][kind] ?? consent
  const lived = await life.unlessDead(work(stack, connection, token))
  // A rotation does nothing where there is no grant.
  const after = [...may].map((before) => (kind === 0 ? token : kind === 3 ? undefined : before && token))
  known.may = new Set(lived ? after : [...may, ...after])
}

async function packs(signal: { over: boolean }): Promise<void> {
  while (!signal.over) {
    const life = mortality(Math.floor(random() * 120), random() < 0.5)
    const stack = world.open({ onCall: life.onCall })
    for (const provider of providers) await life.unlessDead(pack(stack, provider, () => false))
  }
}

/** After a round: everything that broke off is gone on with, as its next run or its user does. */
async function settle(all: readonly Known[]): Promise<void> {
  for (const { connection } of all) {
    const seen = await world.main.connections.get(connection, connection.connectionId)
    if (seen?.status === 'disconnected') await disconnectGrant(world.main, seen)
  }
  for (let run = 0; run < 3; run += 1) {
    world.advance(26 * 3_600_000)
    for (const provider of providers) await pack(world.open(), provider, () => false)
  }
}

async function secretNames(): Promise<string[]> {
  const client = secretsClient(world.endpoints.secrets)
  const Filters = ['connections/', 'cells/'].map((name) => `${secretPrefix}/${name}`)
  const names: string[] = []
  const query = { Filters: [{ Key: 'name' as const, Values: Filters }], IncludePlannedDeletion: true }
  for await (const { SecretList = [] } of paginateListSecrets({ client }, query))
    for (const { Name = '' } of SecretList) {
      const { Versions = [] } = await client.send(
        new ListSecretVersionIdsCommand({ SecretId: Name, IncludeDeprecated: true }),
      )
      expect([Name, Versions.length]).toEqual([Name, 1])
      names.push(Name.slice(secretPrefix.length + 1))
    }
  client.destroy()
  return names
}

async function check(all: readonly Known[]): Promise<number> {
  const stack = world.open()
  const rows = new Map(
    (await world.main.grantRows.getAll(all.map(({ connection }) => connection.connectionId))).map((row) => [
      row.connectionId,
      row,
    ]),
  )
  for (const known of all) {
    const { connection } = known
    const seen = await world.main.connections.get(connection, connection.connectionId)
    const row = rows.get(connection.connectionId)
    const token = (await stack.readGrant(connection))?.refreshToken.reveal()
    // Whoever consented and did not disconnect has the newest grant; the others have nothing that opens.
    expect([seen?.status, seen?.status === 'active']).toEqual([seen?.status, token !== undefined])
    expect(known.may).toContain(token)
    if (token === undefined)
      expect([row?.key, row?.hot, row?.at, row?.leaves ?? []]).toEqual([undefined, undefined, undefined, []])
    known.may = new Set([token])
  }
  // No secret but those that rows point at, and nothing in them that does not stand there.
  const names = await secretNames()
  const pointed = new Set([...rows.values()].flatMap(({ at }) => (at === undefined ? [] : [at])))
  expect(names.toSorted()).toEqual([...pointed].toSorted())
  expect((await world.main.cells.scan()).rows.map(({ cell }) => cell).toSorted()).toEqual(names.toSorted())
  for (const name of names) {
    const bytes = (await world.main.secrets.read(name)) ?? expect.unreachable()
    expect(bytes.length).toBeLessThanOrEqual(maxCellBytes)
    for (const { connectionId } of itemsIn(bytes))
      expect([connectionId, rows.get(connectionId)?.at]).toEqual([connectionId, name])
  }
  return names.length
}

it(`${connections} connections lose nothing and leave nothing, whoever dies over them at any call`, async () => {
  const all = await Promise.all(
    Array.from({ length: connections }, async (_, at): Promise<Known> => {
      const holder = {
        ...caller('load'),
        connectionId: newConnectionId(),
        provider: providers[at % 2] ?? 'onedrive',
      }
      const connection = await world.main.connections.create({
        ...holder,
        status: 'disconnected',
        accountId: 'a',
      })
      return { connection, may: new Set([undefined]) }
    }),
  )
  for (let round = 0; round < rounds; round += 1) {
    const signal = { over: false }
    const packing = [packs(signal), packs(signal)]
    const queue = [...all, ...all].values()
    const busy = new Set<Known>()
    const worker = async (): Promise<void> => {
      for (const known of queue) {
        if (busy.has(known)) continue
        busy.add(known)
        await act(known)
        busy.delete(known)
      }
    }
    await Promise.all(Array.from({ length: workers }, worker))
    signal.over = true
    await Promise.all(packing)
    await settle(all)
    const secrets = await check(all)
    expect(secrets).toBeLessThanOrEqual(2 + Math.ceil((connections * 700) / (maxCellBytes * 0.6)))
  }
}, 600_000)
