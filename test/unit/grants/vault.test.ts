import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSealer } from '../../../lib/grants/seal.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { secret } from '../../../lib/secret.ts'
import type { World } from '../../support/grants-world.ts'
import { clients, openWorld } from '../../support/grants-world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.aws.clearFaults()
  await world.aws.clear()
})

const minutes = (count: number): number => count * 60_000
const grant = (text: string, issuedAt = world.clock.now()) => ({ refreshToken: secret(text), issuedAt })
const reads = async (): Promise<number> => (await world.aws.calls())['secretsmanager.GetSecretValue'] ?? 0

describe('the vault', () => {
  it('keeps one secret a connection, overwritten by a reconnect', async () => {
    const id = newConnectionId()
    const { vault } = world.main
    expect(await vault.readGrant(id)).toBeUndefined()
    await vault.writeGrant(id, grant('one'))
    await vault.writeGrant(id, grant('two'))
    const other = world.open().vault
    expect((await other.readGrant(id))?.refreshToken.reveal()).toBe('two')
    // Back to an earlier value: that is a write too.
    await vault.writeGrant(id, grant('one'))
    expect((await other.readGrant(id))?.refreshToken.reveal()).toBe('one')
  })

  it.each([0, 7])('deletes and comes back with a recovery window of %i days', async (recoveryDays) => {
    const id = newConnectionId()
    const { vault } = world.open({ recoveryDays })
    await vault.writeGrant(id, grant('one'))
    await vault.deleteGrant(id)
    expect(await vault.readGrant(id)).toBeUndefined()
    await vault.deleteGrant(id)
    await vault.writeGrant(id, grant('two'))
    expect((await vault.readGrant(id))?.refreshToken.reveal()).toBe('two')
  })

  it('tells an app password from a refresh token, which is a secret that names no kind', async () => {
    const { vault, secrets } = world.open()
    const [withToken, withPassword] = [newConnectionId(), newConnectionId()]
    const password = { serverUrl: 'https://cloud.example.com', userName: 'ada', password: secret('p w') }
    await vault.writeGrant(withToken, grant('one', 5))
    await vault.writeGrant(withPassword, password)
    const stored = async (id: string) => JSON.parse((await secrets.read(`connections/${id}`))?.reveal() ?? '')
    expect(await stored(withToken)).toEqual({ refreshToken: 'one', issuedAt: 5 })
    expect(await stored(withPassword)).toEqual({ kind: 'password', ...password, password: 'p w' })
    const other = world.open().vault
    expect(await other.readPassword(withPassword)).toEqual(password)
    expect(await other.readGrant(withPassword)).toBeUndefined()
    expect(await other.readPassword(withToken)).toBeUndefined()
  })

  it('reads a password once in some minutes, and anew for a proof', async () => {
    const id = newConnectionId()
    const credentials = (password: string) => ({
      serverUrl: 'https://cloud.example.com',
      userName: 'ada',
      password: secret(password),
    })
    const { vault } = world.open()
    const writer = world.open().vault
    await writer.writeGrant(id, credentials('one'))
    const now = async (fresh: boolean) => (await vault.readPassword(id, { fresh }))?.password.reveal()
    expect([await now(false), await now(false), await reads()]).toEqual(['one', 'one', 1])
    await writer.writeGrant(id, credentials('two'))
    expect([await now(false), await now(true), await now(false)]).toEqual(['one', 'two', 'two'])
    await writer.writeGrant(id, credentials('three'))
    world.advance(minutes(6))
    expect(await now(false)).toBe('three')
    await world.aws.throttle('GetSecretValue', 50)
    world.advance(minutes(6))
    expect(await now(false)).toBe('three')
    await expect(now(true)).rejects.toMatchObject({ code: 'provider_unavailable' })
  })

  it('is written by two at once without an error', async () => {
    const id = newConnectionId()
    const both = [world.open().vault, world.open().vault]
    await Promise.all(both.map((vault, at) => vault.writeGrant(id, grant(`token-${at}`))))
    expect((await world.open().vault.readGrant(id))?.refreshToken.reveal()).toMatch(/^token-[01]$/)
  })

  it('serves what it read last when Secrets Manager throttles, but not for a proof', async () => {
    const id = newConnectionId()
    const { vault } = world.open()
    await vault.writeGrant(id, grant('known'))
    await world.aws.throttle('GetSecretValue', 50)
    expect((await vault.readGrant(id))?.refreshToken.reveal()).toBe('known')
    await expect(vault.readGrant(id, { fresh: true })).rejects.toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true },
    })
    await expect(world.open().vault.readGrant(id)).rejects.toMatchObject({ code: 'provider_unavailable' })
  })

  it('reads an OAuth client once in some minutes, and once for all who ask at the same time', async () => {
    const { vault } = world.open()
    await Promise.all(Array.from({ length: 20 }, () => vault.oauthClient('google-drive', false)))
    const client = await vault.oauthClient('google-drive', false)
    expect(client.clientId).toBe(clients['google-drive'].clientId)
    expect(client.clientSecret.reveal()).toBe(clients['google-drive'].clientSecret)
    expect(await reads()).toBe(1)
    world.advance(minutes(6))
    await vault.oauthClient('google-drive', false)
    expect(await reads()).toBe(2)
    world.advance(minutes(6))
    await world.aws.throttle('GetSecretValue', 50)
    expect((await vault.oauthClient('google-drive', false)).clientId).toBe(clients['google-drive'].clientId)
  })

  it.each(['{}', '{"clientId": "", "clientSecret": ""}', 'not json', '{"clientId": "only"}'])(
    'takes %j for no OAuth client',
    async (text) => {
      const { secrets, vault } = world.open()
      await secrets.write('oauth/microsoft', secret(text))
      await expect(vault.oauthClient('onedrive', true)).rejects.toMatchObject({
        code: 'provider_not_configured',
      })
    },
  )

  it('takes the sealing keys as people write them and as Secrets Manager generates them', async () => {
    const material = randomBytes(32).toString('base64')
    const { secrets } = world.main
    const sealed: string[] = []
    for (const keySet of [
      { current: 'k1', keys: { k1: material } },
      { current: 'k1', k1: material },
    ]) {
      await secrets.write('seal-key', secret(JSON.stringify(keySet)))
      sealed.push(await createSealer(world.open().vault.sealKeys).seal(secret('value'), 'c'))
    }
    const sealer = createSealer(world.open().vault.sealKeys)
    for (const text of sealed) expect((await sealer.open(text, 'c')).reveal()).toBe('value')
    for (const bad of [
      { current: 'k.1', 'k.1': material },
      { current: 'k1', keys: { k1: 'short' } },
      { keys: {} },
    ]) {
      await secrets.write('seal-key', secret(JSON.stringify(bad)))
      await expect(world.open().sealer.seal(secret('value'), 'c')).rejects.toMatchObject({
        code: 'internal_error',
      })
    }
  })
})
