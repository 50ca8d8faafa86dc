import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSealer } from '../../../lib/grants/seal.ts'
import { secret } from '../../../lib/secret.ts'
import { putSecret } from '../../support/grants-stack.ts'
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
const reads = async (): Promise<number> => (await world.aws.calls())['secretsmanager.GetSecretValue'] ?? 0

describe('the vault', () => {
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
      const { vault } = world.open()
      await putSecret(world.endpoints.secrets, 'oauth/microsoft', text)
      await expect(vault.oauthClient('onedrive', true)).rejects.toMatchObject({
        code: 'provider_not_configured',
      })
    },
  )

  it('takes the sealing keys as people write them and as Secrets Manager generates them', async () => {
    const material = randomBytes(32).toString('base64')
    const sealed: string[] = []
    for (const keySet of [
      { current: 'k1', keys: { k1: material } },
      { current: 'k1', k1: material },
    ]) {
      await world.putSecret('seal-key', keySet)
      sealed.push(await createSealer(world.open().vault.sealKeys).seal(secret('value'), 'access token', 'c'))
    }
    const sealer = createSealer(world.open().vault.sealKeys)
    for (const text of sealed) expect((await sealer.open(text, 'access token', 'c')).reveal()).toBe('value')
    for (const bad of [
      { current: 'k.1', 'k.1': material },
      { current: 'k1', keys: { k1: 'short' } },
      { keys: {} },
    ]) {
      await world.putSecret('seal-key', bad)
      await expect(world.open().sealer.seal(secret('value'), 'access token', 'c')).rejects.toMatchObject({
        code: 'internal_error',
      })
    }
  })
})
