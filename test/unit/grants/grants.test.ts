import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Along, Connection } from '../../../lib/catalog/connections.ts'
import { cellBytes, cellOf, itemAt, itemsIn, maxCellBytes } from '../../../lib/grants/cell.ts'
import { connectGrant, disconnectGrant } from '../../../lib/grants/connect.ts'
import { newRowKey, openItem, sealItem } from '../../../lib/grants/item.ts'
import { sealKey } from '../../../lib/grants/seal.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { secret } from '../../../lib/secret.ts'
import type { World } from '../../support/grants-world.ts'
import { caller, connect, openWorld, reconnect } from '../../support/grants-world.ts'

const keys = { current: 'k1', keys: new Map([['k1', sealKey(randomBytes(32).toString('base64'))]]) }
const sealKeys = () => Promise.resolve(keys)
const owner = () => ({ connectionId: newConnectionId(), provider: 'onedrive' as const, key: newRowKey() })
const token = (length: number) => ({ refreshToken: secret('t'.repeat(length)) })

describe('a sealed grant', () => {
  it('opens for its owner with both keys, and for nobody else', async () => {
    const mine = owner()
    const { item } = await sealItem(sealKeys, mine, { refreshToken: secret('canary-ü') }, 5)
    const opened = (as: typeof mine, bytes = item) => openItem(sealKeys, as, bytes)
    expect(await opened(mine)).toEqual({ refreshToken: secret('canary-ü') })
    expect(Buffer.from(item).toString('latin1')).not.toContain('canary')
    expect(await opened({ ...mine, key: newRowKey() })).toBeUndefined()
    expect(await opened({ ...mine, connectionId: newConnectionId() })).toBeUndefined()
    const other = { ...mine, provider: 'google-drive' as const }
    expect(await openItem(sealKeys, other, item)).toBeUndefined()
    const stranger = { current: 'k1', keys: new Map([['k1', sealKey('x'.repeat(43))]]) }
    expect(await openItem(() => Promise.resolve(stranger), mine, item)).toBeUndefined()
    expect(
      await openItem(() => Promise.resolve({ current: 'k2', keys: new Map() }), mine, item),
    ).toBeUndefined()
  })

  it('does not open when a single byte was changed, wherever, nor when it is cut', async () => {
    const mine = owner()
    const { item } = await sealItem(sealKeys, mine, { refreshToken: secret('canary') }, 5)
    for (let at = 2; at < item.length; at += 1) {
      const changed = Buffer.from(item)
      changed[at] = (changed[at] ?? 0) ^ 1
      const opened = await Promise.resolve()
        .then(() => openItem(sealKeys, mine, changed))
        .catch(() => undefined)
      expect(opened).toBeUndefined()
      expect(() => itemAt(item.subarray(0, at))).toThrow('malformed')
    }
  })

  it('tells an app password from a refresh token', async () => {
    const mine = owner()
    const password = { serverUrl: 'https://cloud.example.com', userName: 'ada', password: secret('p w') }
    const { item } = await sealItem(sealKeys, mine, { password }, 5)
    expect(await openItem(sealKeys, mine, item)).toEqual({ password })
  })

  it('takes 57 bytes beside its token, and lies in a cell of 64 KiB as it is', async () => {
    const owners = Array.from({ length: 40 }, owner)
    const items = await Promise.all(
      owners.map(async (mine) => (await sealItem(sealKeys, mine, token(1_500), 7)).item),
    )
    expect(items[0]?.length).toBe(1_557)
    const cell = cellOf(items)
    expect(cell.length).toBe(cellBytes(items))
    expect(cell.length).toBeLessThan(maxCellBytes)
    const found = itemsIn(cell)
    expect(found.map(({ connectionId }) => connectionId)).toEqual(
      owners.map(({ connectionId }) => connectionId),
    )
    expect(found.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual(
      items.map((item) => Buffer.from(item).toString('hex')),
    )
    for (const [at, mine] of owners.entries())
      expect(await openItem(sealKeys, mine, found[at] ?? items[0] ?? cell)).toEqual(token(1_500))
    expect(() => itemsIn(cell.subarray(1))).toThrow('malformed')
    expect(() => itemsIn(cell.subarray(0, cell.length - 1))).toThrow('malformed')
    await expect(sealItem(sealKeys, owner(), token(maxCellBytes), 7)).rejects.toThrow('too long')
  })
})

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.aws.clearFaults()
  await world.aws.clear()
})

const rowOf = async ({ connectionId }: Connection) =>
  (await world.main.grantRows.get(connectionId)) ?? expect.unreachable()
const tokenOf = async (connection: Connection) =>
  (await world.open().readGrant(connection))?.refreshToken.reveal()
const reads = async (): Promise<number> => (await world.aws.calls())['secretsmanager.GetSecretValue'] ?? 0

describe('the grants', () => {
  it('never take an older refresh token in place of a newer one', async () => {
    const connection = await connect(world.main, 'newest', 'onedrive', 'newest@example.com')
    const { grants } = world.main
    const first = (await grants.read(connection)) ?? expect.unreachable()
    const times = [world.clock.now() + 30_000, world.clock.now() + 10_000]
    for (const [at, time] of times.entries()) {
      world.advance(time - world.clock.now())
      await grants.used(connection, first, { refreshToken: secret(`rotated-${at}`) })
    }
    expect(await tokenOf(connection)).toBe('rotated-0')
    // What began with another consent's grant writes nothing at all.
    const back = await reconnect(world.main, connection, 'newest@example.com')
    expect(await grants.used(connection, first, { refreshToken: secret('of the consent before') })).toBe(
      false,
    )
    expect(await tokenOf(back)).not.toMatch(/rotated|before/)
  })

  it('are read from Secrets Manager once a process, and not at all while they are new in their row', async () => {
    const connection = await connect(world.main, 'reads', 'google-drive', 'reads@example.com')
    const { grants, readGrant } = world.open()
    await readGrant(connection)
    const before = await reads()
    const read = (await grants.read(connection)) ?? expect.unreachable()
    expect(await reads()).toBe(before)
    await grants.used(connection, read, { refreshToken: secret('rotated') })
    const cold = world.open()
    await world.aws.clear()
    await cold.readGrant(connection)
    // The sealing key alone.
    expect(await reads()).toBe(1)
    expect(await tokenOf(connection)).toBe('rotated')
  })

  it('hold no key, no token and no pointer after a disconnect, and no late write brings one back', async () => {
    const connection = await connect(world.main, 'gone', 'onedrive', 'gone@example.com')
    const { grants } = world.main
    const read = (await grants.read(connection)) ?? expect.unreachable()
    world.advance(16 * 60_000)
    await disconnectGrant(world.main, connection)
    const gone = await rowOf(connection)
    const { connectionId, userKey, provider, goneAt, packAt, version, createdAt, updatedAt } = gone
    const mark = { connectionId, userKey, provider, goneAt, packAt, version, createdAt, updatedAt }
    expect(gone).toEqual({ ...mark, goes: [], leaves: [] })
    expect(await grants.used(connection, read, { refreshToken: secret('late') })).toBe(false)
    expect(await rowOf(connection)).toEqual(gone)
    expect(await grants.read(connection)).toBeUndefined()
    await disconnectGrant(world.main, connection)
    expect(await rowOf(connection)).toEqual(gone)
  })

  it('leave no access token where a disconnect comes right behind the consent', async () => {
    const holder = {
      ...caller('right-behind'),
      connectionId: newConnectionId(),
      provider: 'onedrive' as const,
    }
    const { connections, tokens } = world.main
    await connections.create({ ...holder, status: 'pending' })
    const set = { accessToken: secret('a'), expiresInSeconds: 60, scopes: [], refreshToken: secret('r') }
    await connectGrant(world.main, holder, { kind: 'oauth2', tokens: set }, async (along) => {
      const change = (status: 'active' | 'disconnected', together?: Along) =>
        connections.change(holder, holder.connectionId, () => ({ status, accountId: 'a' }), together)
      const activated = await change('active', along)
      await change('disconnected')
      await disconnectGrant(world.main, activated.after)
      return activated
    })
    const row = await tokens.get(holder.connectionId)
    expect([row?.dead, row?.accessToken]).toEqual(['disconnected', undefined])
  })

  it('are those of the last consent that was begun; the other one takes its secret back', async () => {
    const holder = { ...caller('two'), connectionId: newConnectionId(), provider: 'google-drive' as const }
    const { connections } = world.main
    await connections.create({ ...holder, status: 'pending' })
    const given = (text: string) => {
      const tokens = { accessToken: secret('a'), expiresInSeconds: 60, scopes: [] }
      return { kind: 'oauth2' as const, tokens: { ...tokens, refreshToken: secret(text) } }
    }
    const activate = (along: Along) =>
      connections.change(holder, holder.connectionId, () => ({ status: 'active' }), along)
    const late = connectGrant(world.main, holder, given('late'), async (along) => {
      await connectGrant(world.main, holder, given('quick'), activate)
      return activate(along)
    })
    await expect(late).rejects.toMatchObject({ code: 'invalid_request' })
    expect((await world.open().readGrant(holder))?.refreshToken.reveal()).toBe('quick')
    const row = (await world.main.grantRows.get(holder.connectionId)) ?? expect.unreachable()
    expect(row.arriving).toBeUndefined()
    for (const name of row.goes) expect(await world.main.secrets.read(name)).toBeUndefined()
  })

  it('are sealed anew with the current key by their next use, rotated or not', async () => {
    const connection = await connect(world.main, 'reseal', 'google-drive', 'reseal@example.com')
    const before = await tokenOf(connection)
    const material = () => randomBytes(32).toString('base64')
    const old = JSON.parse((await world.main.secrets.readText('seal-key'))?.reveal() ?? '{}') as {
      readonly keys: Record<string, string>
    }
    await world.putSecret('seal-key', { current: 'k2', keys: { ...old.keys, k2: material() } })
    const { grants } = world.open()
    const read = (await grants.read(connection)) ?? expect.unreachable()
    expect(await grants.used(connection, read)).toBe(true)
    expect(await rowOf(connection)).toMatchObject({ sealedWith: 'k2' })
    expect(await tokenOf(connection)).toBe(before)
  })
})
