import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createSealer, sealKey } from '../../../lib/grants/seal.ts'
import { secret } from '../../../lib/secret.ts'

const material = (): string => randomBytes(32).toString('base64')
const keySet = (current: string, entries: Record<string, string>) => ({
  current,
  keys: new Map(Object.entries(entries).map(([id, text]) => [id, sealKey(text)])),
})
const k1 = material()
const sealer = createSealer(() => Promise.resolve(keySet('k1', { k1 })))

const flip = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)

describe('sealing', () => {
  it('gives back what was sealed, and shows nothing of it', async () => {
    const sealed = await sealer.seal(secret('canary-token-ü'), 'access token', 'connection-1')
    expect((await sealer.open(sealed, 'access token', 'connection-1')).reveal()).toBe('canary-token-ü')
    expect(sealed).toMatch(/^v2\.k1\./)
    expect(sealed).not.toContain('canary')
    expect(Buffer.from(sealed.split('.')[3] ?? '', 'base64url').toString('latin1')).not.toContain('canary')
  })

  it('never gives the same text twice', async () => {
    const all = await Promise.all(
      Array.from({ length: 200 }, () => sealer.seal(secret('x'), 'access token', 'connection-1')),
    )
    expect(new Set(all).size).toBe(200)
  })

  it('seals empty and long values', async () => {
    for (const value of ['', 'x'.repeat(100_000)]) {
      expect(
        (
          await sealer.open(await sealer.seal(secret(value), 'access token', 'c'), 'access token', 'c')
        ).reveal(),
      ).toBe(value)
    }
  })

  it('does not open for another connection', async () => {
    const sealed = await sealer.seal(secret('token'), 'access token', 'connection-1')
    await expect(sealer.open(sealed, 'access token', 'connection-2')).rejects.toMatchObject({
      code: 'internal_error',
    })
  })

  it('does not open as anything but what it is', async () => {
    const kinds = [
      'access token',
      'refresh token',
      'authorization code',
      'code verifier',
      'completion code',
      'grant',
      'upload session',
      'content link',
    ] as const
    for (const kind of kinds) {
      const sealed = await sealer.seal(secret('token'), kind, 'connection-1')
      for (const other of kinds) {
        const opening = sealer.open(sealed, other, 'connection-1')
        if (other === kind) expect((await opening).reveal()).toBe('token')
        else await expect(opening).rejects.toMatchObject({ code: 'internal_error' })
      }
    }
  })

  it('opens what an earlier version has sealed, for its connection alone', async () => {
    const known = createSealer(() => Promise.resolve(keySet('k1', { k1: 'k'.repeat(43) })))
    const sealed = 'v1.k1.jWDe-6abgBpgprHT.vmfCHuw7ZqLiE_moIOQtZbGpvPw0'
    expect((await known.open(sealed, 'access token', 'connection-1')).reveal()).toBe('token')
    await expect(known.open(sealed, 'access token', 'connection-2')).rejects.toMatchObject({
      code: 'internal_error',
    })
  })

  it('does not open when a single character was changed, wherever', async () => {
    const sealed = await sealer.seal(secret('token'), 'access token', 'connection-1')
    const [version, keyId, nonce = '', body = ''] = sealed.split('.')
    const changed = [
      [version, keyId, flip(nonce, 0), body],
      [version, keyId, nonce, flip(body, 0)],
      [version, keyId, nonce, flip(body, body.length - 5)],
      [version, 'k2', nonce, body],
      ['v1', keyId, nonce, body],
      ['v3', keyId, nonce, body],
      [version, keyId, nonce, body.slice(0, 8)],
      [version, keyId, nonce],
      [version, keyId, nonce, body, 'x'],
    ].map((parts) => parts.join('.'))
    for (const text of [...changed, '', 'plain text']) {
      await expect(sealer.open(text, 'access token', 'connection-1')).rejects.toMatchObject({
        code: 'internal_error',
      })
    }
  })

  it('opens values of an older key after a rotation, and seals with the new one', async () => {
    const before = await sealer.seal(secret('old'), 'access token', 'c')
    const rotated = createSealer(() => Promise.resolve(keySet('k2', { k1, k2: material() })))
    expect((await rotated.open(before, 'access token', 'c')).reveal()).toBe('old')
    expect(await rotated.seal(secret('new'), 'access token', 'c')).toMatch(/^v2\.k2\./)
  })

  it('asks for the key set anew when a value comes with a key that it does not know yet', async () => {
    const k2 = material()
    const newer = createSealer(() => Promise.resolve(keySet('k2', { k1, k2 })))
    const asked: boolean[] = []
    const older = createSealer((fresh) => {
      asked.push(fresh)
      return Promise.resolve(fresh ? keySet('k2', { k1, k2 }) : keySet('k1', { k1 }))
    })
    expect(
      (await older.open(await newer.seal(secret('x'), 'access token', 'c'), 'access token', 'c')).reveal(),
    ).toBe('x')
    expect(asked).toEqual([false, true])
  })

  it('refuses keys that are too short, and a current key that is not there', async () => {
    expect(() => sealKey('short')).toThrow(/256 bits/)
    const broken = createSealer(() => Promise.resolve(keySet('k9', { k1 })))
    await expect(broken.seal(secret('x'), 'access token', 'c')).rejects.toMatchObject({
      code: 'internal_error',
    })
  })

  it('puts neither value nor key into its errors', async () => {
    const sealed = await sealer.seal(secret('canary'), 'access token', 'c')
    const error: unknown = await sealer
      .open(sealed, 'access token', 'other')
      .catch((reason: unknown) => reason)
    expect(inspect(error, { depth: 5 })).not.toMatch(/canary/)
    expect(inspect(error, { depth: 5 })).not.toContain(k1)
  })
})
