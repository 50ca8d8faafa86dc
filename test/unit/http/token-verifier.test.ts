import { exportJWK, generateKeyPair } from 'jose'
import type { ServerResponse } from 'node:http'
import { beforeAll, describe, expect, it } from 'vitest'
import { ServiceError } from '../../../lib/errors.ts'
import { authorizeToken } from '../../../lib/http/authorizer.ts'
import { createTokenVerifier } from '../../../lib/http/token-verifier.ts'
import { serve } from '../../support/serve.ts'

const issuer = 'https://issuer.example.com'
let keys: Awaited<ReturnType<typeof generateKeyPair>>
let jwks: string

beforeAll(async () => {
  keys = await generateKeyPair('ES256')
  jwks = JSON.stringify({
    keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }],
  })
})

const seconds = (): number => Math.floor(Date.now() / 1000)
const good = () => ({ iss: issuer, aud: 'ours', sub: 'alice', exp: seconds() + 600 })

/** Signs whatever is given: a library refuses to make some of these tokens. */
async function sign(payload: object, header: object = {}): Promise<string> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'ES256', kid: 'k1', ...header })}.${part(payload)}`
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const signature = await crypto.subtle.sign(algorithm, keys.privateKey, Buffer.from(signed))
  return `${signed}.${Buffer.from(signature).toString('base64url')}`
}

async function verifier(machines: readonly string[] = []) {
  const origin = await serve((_req, res) => res.setHeader('content-type', 'application/json').end(jwks))
  return createTokenVerifier({ issuer, audiences: ['ours', 'also-ours'], machines, jwksUri: origin })
}

describe('a token of the issuer', () => {
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['for this audience', {}],
    ['for several audiences, this among them', { aud: ['theirs', 'ours'] }],
    ['of a client of ours, without an audience', { aud: undefined, client_id: 'also-ours' }],
    ['for this audience, given to a client of another', { client_id: 'theirs' }],
    ['of an issuer whose clock is some seconds ahead', { nbf: seconds() + 5, iat: seconds() + 5 }],
    ['that is an access token by its own word', { token_use: 'access' }],
    ['of a user with a name in any script', { sub: 'Žofie 株式会社 👩‍👩‍👧' }],
    ['of a user with a name of 255 characters', { sub: '\u{1f600}'.repeat(255) }],
  ])('%s is accepted', async (_what, claims) => {
    const verify = await verifier()
    const payload = { ...good(), ...claims }
    expect(await verify(await sign(payload))).toEqual({ sub: payload.sub, exp: payload.exp })
  })

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['for another API, though given to a client of ours', { aud: 'theirs', client_id: 'ours' }, 'audience'],
    ['for other APIs', { aud: ['theirs', 'nobody'], client_id: 'ours' }, 'audience'],
    ['for no audience', { aud: [], client_id: 'ours' }, 'audience'],
    ['of a client of another', { aud: undefined, client_id: 'theirs' }, 'audience'],
    ['without audience and client', { aud: undefined }, 'audience'],
    ['of another issuer', { iss: 'https://other.example.com' }, 'issuer'],
    ['that has ended', { exp: 1 }, 'expired'],
    ['that ended a moment ago: its end has no leeway', { exp: seconds() - 2 }, 'expired'],
    ['that ends in the year 2100', { exp: 4_102_444_800 }, 'more than a week'],
    ['that never really ends', { exp: 1e308 }, 'more than a week'],
    ['that was issued tomorrow', { iat: seconds() + 86_400 }, 'issued in the future'],
    ['that is not good before tomorrow', { nbf: seconds() + 86_400 }, 'used before'],
    ['that is for refreshing', { token_use: 'refresh' }, 'another use'],
    ['that never ends', { exp: undefined }, 'exp is missing'],
    ['without a subject', { sub: undefined }, 'sub is missing'],
    ['whose subject is empty', { sub: '' }, 'sub is missing'],
    ['whose subject is of blanks', { sub: ' \u00a0\u3000' }, 'sub is missing'],
    ['whose subject has a control character', { sub: 'ali\u0000ce' }, 'sub is missing'],
    ['whose subject has a line end', { sub: 'ali\u2028ce' }, 'sub is missing'],
    ['whose subject is half a character', { sub: '\ud800' }, 'sub is missing'],
    ['whose subject is too long', { sub: 'a'.repeat(256) }, 'sub is missing'],
  ])('%s is refused', async (_what, claims, why) => {
    const verify = await verifier()
    const token = await sign({ ...good(), ...claims })
    await expect(verify(token)).rejects.toThrow(why)
    // It is the claim that is refused: the same token without it is accepted.
    await expect(verify(await sign(good()))).resolves.toMatchObject({ sub: 'alice' })
  })

  it.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt'])('of the type %s is refused', async (typ) => {
    const verify = await verifier()
    await expect(verify(await sign(good(), { typ }))).rejects.toThrow(typ)
    for (const own of ['JWT', 'at+jwt', 'application/at+jwt'])
      await expect(verify(await sign(good(), { typ: own }))).resolves.toMatchObject({ sub: 'alice' })
  })

  it('that calls something critical is refused', async () => {
    const verify = await verifier()
    await expect(verify(await sign(good(), { crit: ['b64'], b64: true }))).rejects.toThrow('crit')
    await expect(verify(await sign(good(), { crit: [] }))).rejects.toThrow('crit')
  })
})

describe('a machine’s token', () => {
  const own = { sub: 'backend', client_id: 'backend', scope: 'driveway/documents.read' }

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['for this audience', {}],
    ['of a client of the pool, without an audience', { aud: undefined }],
  ])('%s says which machine’s it is, and never a user', async (_what, claims) => {
    const verify = await verifier(['backend'])
    const verified = await verify(await sign({ ...good(), ...own, ...claims }))
    expect(verified).toEqual({
      machine: { client: 'backend', scopes: ['driveway/documents.read'] },
      exp: expect.any(Number),
    })
    const event = { type: 'TOKEN' as const, authorizationToken: 'Bearer a.b.c', methodArn: 'arn:api/s/GET/' }
    expect(await authorizeToken(event, async () => verified)).toMatchObject({
      context: { client: 'backend', scopes: 'driveway/documents.read' },
    })
  })

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['for another API', { aud: 'theirs' }, 'audience'],
    ['that has ended', { exp: 1 }, 'expired'],
    ['that ends in the year 2100', { exp: 4_102_444_800 }, 'more than a week'],
    ['of a client that is no machine here', { sub: 'ours', client_id: 'ours', aud: undefined }, 'no machine'],
    ['of another client, which has no subject', { sub: undefined, client_id: 'also-ours' }, 'no machine'],
  ])('%s is refused', async (_what, claims, why) => {
    const verify = await verifier(['backend'])
    await expect(verify(await sign({ ...good(), ...own, ...claims }))).rejects.toThrow(why)
  })

  it('is refused where there are no machines, and is nobody’s there', async () => {
    const verify = await verifier()
    await expect(verify(await sign({ ...good(), ...own }))).rejects.toThrow('no machine')
  })
})

describe('an issuer that is down', () => {
  const away: Readonly<Record<string, (res: ServerResponse) => void>> = {
    'answers 503': (res) => void res.writeHead(503).end(),
    'answers HTML': (res) => void res.end('<html></html>'),
    'answers other JSON': (res) => void res.end('{"keys":"none"}'),
    'answers without end': (res) => void res.end('x'.repeat(300 * 1024)),
    'breaks the connection': (res) => void res.destroy(),
  }

  it.each(Object.keys(away))('is not the caller’s fault when it %s, and is asked again', async (how) => {
    let down = true
    const jwksUri = await serve((_req, res) => {
      if (down) away[how]?.(res)
      else res.end(jwks)
    })
    const verify = await createTokenVerifier({ issuer, audiences: ['ours'], jwksUri })
    const ask = async (token: string): Promise<string> =>
      authorizeToken(
        { type: 'TOKEN', authorizationToken: `Bearer ${token}`, methodArn: 'arn:api/s/GET/' },
        verify,
      ).then(
        ({ principalId }) => principalId,
        (error: unknown) => (error instanceof ServiceError ? error.code : String(error)),
      )
    const token = await sign(good())
    expect(await ask(token)).toBe('provider_unavailable')
    down = false
    expect(await ask(token)).toBe('alice')
    // What is wrong with a token is the caller's, whether or not the issuer answers now.
    down = true
    expect(await ask(`${token.slice(0, -4)}AAAA`)).toBe('Error: Unauthorized')
    expect(await ask('no.such.token')).toBe('Error: Unauthorized')
  })

  it('is not the caller’s fault either when its discovery document cannot be read', async () => {
    const origin = await serve((_req, res) => void res.writeHead(500).end())
    await expect(
      createTokenVerifier({ issuer: origin, audiences: ['ours'], jwksUri: undefined }),
    ).rejects.toMatchObject({ code: 'provider_unavailable' })
  })
})
