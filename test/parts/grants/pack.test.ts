import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { connectGrant, disconnectGrant } from '../../../lib/grants/connect.ts'
import { itemsIn } from '../../../lib/grants/cell.ts'
import { pack as packOne } from '../../../lib/grants/pack.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { secret } from '../../../lib/secret.ts'
import { asFunction } from '../../support/as-function.ts'
import type { Stack } from '../../support/grants-stack.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import { caller, connect, openWorld, reconnect } from '../../support/grants-world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(() => world.aws.clearFaults())

vi.setConfig({ testTimeout: 300_000 })

const hour = 3_600_000
const providers: readonly Cloud[] = ['google-drive', 'onedrive']
const never = (): boolean => false

/** As its function does it, with that function's rights. */
async function pack(stack: Stack = world.open()): Promise<void> {
  for (const provider of providers) await asFunction('pack-grants', () => packOne(stack, provider, never))
}

let made = 0
/** A connection with a grant, without a browser. */
async function given(provider: Cloud, token = `canary-${(made += 1)}`): Promise<Connection> {
  const holder = { ...caller('packed'), connectionId: newConnectionId(), provider }
  const { connections } = world.main
  const pending = await connections.create({ ...holder, status: 'pending', accountId: 'a' })
  const tokens = { accessToken: secret('a'), expiresInSeconds: 60, scopes: [] }
  const grant = { kind: 'oauth2' as const, tokens: { ...tokens, refreshToken: secret(token) } }
  const { after } = await connectGrant(world.main, pending, grant, (along) =>
    connections.change(holder, holder.connectionId, () => ({ status: 'active' }), along),
  )
  return after
}

const tokenOf = async (connection: Connection, stack = world.open()) =>
  (await stack.readGrant(connection))?.refreshToken.reveal()
const rowOf = async ({ connectionId }: Connection) =>
  (await world.main.grantRows.get(connectionId)) ?? expect.unreachable()

/** Every cell that is written down, with what is in it. */
async function cellsNow(): Promise<Map<string, string[]>> {
  const { rows } = await world.main.cells.scan()
  const inside = await Promise.all(
    rows.map(async ({ cell }): Promise<[string, string[]]> => {
      const bytes = await world.main.secrets.read(cell)
      return [cell, bytes === undefined ? [] : itemsIn(bytes).map(({ connectionId }) => connectionId)]
    }),
  )
  return new Map(inside)
}

/** Every cell holds only grants that stand, each where its row says, and nobody is left outside. */
async function expectClean(connections: readonly Connection[]): Promise<void> {
  const cells = await cellsNow()
  const rows = await world.main.grantRows.getAll(connections.map(({ connectionId }) => connectionId))
  for (const row of rows.filter(({ key }) => key !== undefined))
    expect(cells.get(row.at ?? '')).toContain(row.connectionId)
  for (const [cell, inside] of cells)
    for (const row of await world.main.grantRows.getAll(inside as Connection['connectionId'][]))
      expect([row.connectionId, row.at]).toEqual([row.connectionId, cell])
}

describe('the packer', () => {
  it('moves grants into a few cells, where each is read as before and as what it was', async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        given(providers[at % 2] ?? 'onedrive', `${at}-`.padEnd(1_500, 'x')),
      ),
    )
    const singles = await Promise.all(all.map(async (connection) => (await rowOf(connection)).at ?? ''))
    // Names of consents that may still be at work are kept longer.
    world.advance(16 * 60_000)
    await pack()
    await expectClean(all)
    expect((await cellsNow()).size).toBeLessThanOrEqual(4)
    const stack = world.open()
    for (const [at, connection] of all.entries()) {
      expect(await tokenOf(connection, stack)).toBe(`${at}-`.padEnd(1_500, 'x'))
      const { goes, packAt } = await rowOf(connection)
      expect([goes, packAt]).toEqual([[], undefined])
    }
    for (const name of singles) expect(await world.main.secrets.read(name)).toBeUndefined()
    const before = await cellsNow()
    await pack()
    expect(await cellsNow()).toEqual(before)
  })

  it('leaves no byte of a disconnected grant in any secret, and forgets its row an hour later', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => given('google-drive')))
    await pack()
    const [gone = expect.unreachable(), ...others] = all
    await disconnectGrant(world.main, gone)
    expect((await rowOf(gone)).leaves).toHaveLength(1)
    await pack()
    expect([...(await cellsNow()).values()].flat()).not.toContain(gone.connectionId)
    await expectClean(others)
    world.advance(hour + 1)
    await pack()
    expect(await world.main.grantRows.get(gone.connectionId)).toBeUndefined()
    for (const connection of others) expect(await tokenOf(connection)).toMatch(/^canary/)
  })

  it('takes a rotated token into a cell after a day, and the old consent’s item out of its cell', async () => {
    const account = 'packed-again@example.com'
    const connection = await connect(world.main, 'packed-again', 'onedrive', account)
    await pack()
    const read = (await world.main.grants.read(connection)) ?? expect.unreachable()
    await world.main.grants.used(connection, read, { refreshToken: secret('rotated') })
    await pack()
    expect((await rowOf(connection)).hot).toBeDefined()
    world.advance(25 * hour)
    await pack()
    expect((await rowOf(connection)).hot).toBeUndefined()
    expect(await tokenOf(connection)).toBe('rotated')
    const old = (await rowOf(connection)).at ?? ''
    const back = await reconnect(world.main, connection, account)
    await pack()
    expect((await cellsNow()).has(old)).toBe(false)
    await expectClean([back])
  })

  it('gives up a consent that died, and deletes its secret, but not one that is under way', async () => {
    const holder = { ...caller('died'), connectionId: newConnectionId(), provider: 'onedrive' as const }
    const tokens = { accessToken: secret('a'), expiresInSeconds: 60, scopes: [], refreshToken: secret('r') }
    const { promise: dead } = Promise.withResolvers<never>()
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    void connectGrant(world.main, holder, { kind: 'oauth2', tokens }, () => {
      resolve()
      return dead
    })
    await begun
    const name = (await world.main.grantRows.get(holder.connectionId))?.arriving ?? ''
    expect(await world.main.secrets.read(name)).toBeDefined()
    await pack()
    expect(await world.main.secrets.read(name)).toBeDefined()
    world.advance(16 * 60_000)
    await pack()
    expect(await world.main.secrets.read(name)).toBeUndefined()
    expect(await world.main.grantRows.get(holder.connectionId)).toMatchObject({ goes: [] })
  })

  it('ends no cell whose secret is lost while rows point at it', async () => {
    const [one, other] = [await given('google-drive'), await given('google-drive')]
    await pack()
    const cell = (await rowOf(one)).at ?? ''
    await world.main.secrets.remove(cell)
    await disconnectGrant(world.main, other)
    await pack()
    expect((await world.main.cells.scan()).rows.map((row) => row.cell)).toContain(cell)
    expect((await rowOf(one)).at).toBe(cell)
    await expect(world.open().readGrant(one)).rejects.toMatchObject({ code: 'provider_unavailable' })
    // Put away for the tests after this one.
    await disconnectGrant(world.main, one)
    await pack()
  })

  it('may run many at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 30 }, (_, at) => given(providers[at % 2] ?? 'onedrive')),
    )
    await Promise.all([pack(), pack(), pack()])
    world.advance(2 * hour)
    await pack()
    await pack()
    await expectClean(all)
    for (const connection of all) expect(await tokenOf(connection)).toMatch(/^canary/)
  })
})
