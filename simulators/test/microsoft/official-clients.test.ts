import tls from 'node:tls'
import type { AccountInfo, Configuration } from '@azure/msal-node'
import { ConfidentialClientApplication, InteractionRequiredAuthError, ServerError } from '@azure/msal-node'
import {
  Client,
  FileUpload,
  LargeFileUploadTask,
  PageIterator,
  StreamUpload,
} from '@microsoft/microsoft-graph-client'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHasher } from '../../microsoft/drive/quick-xor-hash.ts'
import { selfSigned } from './self-signed.ts'
import { CLIENT, content, control, decide, fault, HOUR, REDIRECT, signIn, useSimulator } from './support.ts'
import type { Proxy } from './tls-proxy.ts'
import { startProxy } from './tls-proxy.ts'

const simulator = useSimulator()
const certificate = selfSigned(['localhost', 'graph.microsoft.com'])
let proxy: Proxy
let trusted: string[]

beforeAll(async () => {
  trusted = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...trusted, certificate.cert])
  proxy = await startProxy(simulator.origin, certificate)
})
afterAll(async () => {
  tls.setDefaultCACertificates(trusted)
  await proxy.close()
})

function application(auth: Omit<Configuration['auth'], 'clientId'>): ConfidentialClientApplication {
  return new ConfidentialClientApplication({
    auth: { clientId: CLIENT.clientId, clientSecret: CLIENT.clientSecret, ...auth },
  })
}

function accountOf(result: { account: AccountInfo | null }): AccountInfo {
  if (result.account === null) throw new Error('no account in the result')
  return result.account
}

/**
 * The client takes only https URLs as absolute, so it goes through
 * TLS; its bearer goes to the custom host alone.
 */
async function graphClient(kind: 'personal' | 'business'): Promise<Client> {
  const user = await signIn(simulator, kind)
  return Client.init({
    baseUrl: `${proxy.origin}/`,
    customHosts: new Set(['127.0.0.1']),
    authProvider: (done) => done(null, user.tokens.access_token),
  })
}

function quickXor(bytes: Buffer): string {
  const hasher = createHasher()
  hasher.update(bytes)
  return hasher.digest().toString('base64')
}

/**
 * C.5: endpoints given as authorityMetadata may be plain http, and nothing is discovered over the network.
 */
function byMetadata(): ConfidentialClientApplication {
  const base = `${simulator.origin}/{tenant}`
  return application({
    authority: 'https://login.microsoftonline.com/common',
    authorityMetadata: JSON.stringify({
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      issuer: `${simulator.origin}/{tenantid}/v2.0`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    }),
  })
}

describe('@azure/msal-node', () => {
  const scopes = ['User.Read', 'Files.ReadWrite']

  async function link(app: ConfidentialClientApplication, account: string) {
    const url = await app.getAuthCodeUrl({ scopes, redirectUri: REDIRECT, state: 'st' })
    const { location } = await decide(url, { decision: 'approve', account })
    return app.acquireTokenByCode({
      scopes,
      redirectUri: REDIRECT,
      code: location.searchParams.get('code') ?? '',
    })
  }

  it.each(['msal1@outlook.com', 'msal1@contoso.com'])('C.5 links %s by code', async (email) => {
    const result = await link(byMetadata(), email)
    expect(result.account).toMatchObject({ username: email })
    expect(result.scopes).toEqual(expect.arrayContaining(scopes))
    const me = await fetch(`${simulator.origin}/v1.0/me`, {
      headers: { authorization: `Bearer ${result.accessToken}` },
    })
    expect(me.status).toBe(200)
  })

  it('C.5 a silent call is answered from the cache, and a forced one from the token endpoint', async () => {
    const app = byMetadata()
    const first = await link(app, 'msal2@outlook.com')
    const cached = await app.acquireTokenSilent({ scopes, account: accountOf(first) })
    expect(cached.fromCache).toBe(true)
    const fresh = await app.acquireTokenSilent({ scopes, account: accountOf(first), forceRefresh: true })
    expect(fresh.fromCache).toBe(false)
    expect(fresh.accessToken).not.toBe(first.accessToken)
  })

  it('C.5 the cache holds the newest refresh token after each redemption', async () => {
    const app = byMetadata()
    const first = await link(app, 'msal3@contoso.com')
    const stored = () => {
      const cache: { RefreshToken: Record<string, { secret: string }> } = JSON.parse(
        app.getTokenCache().serialize(),
      )
      return Object.values(cache.RefreshToken).map((entry) => entry.secret)
    }
    const [before = ''] = stored()
    await app.acquireTokenSilent({ scopes, account: accountOf(first), forceRefresh: true })
    expect(stored()).toHaveLength(1)
    expect(stored()[0]).not.toBe(before)
    const old = await byMetadata().acquireTokenByRefreshToken({
      refreshToken: before,
      scopes,
      forceCache: true,
    })
    expect(old?.account).toMatchObject({ username: 'msal3@contoso.com' })
  })

  it('C.5 a dead grant of a work account asks for interaction', async () => {
    const app = byMetadata()
    const first = await link(app, 'msal4@contoso.com')
    await control(simulator, 'POST', 'accounts/msal4@contoso.com/revoke')
    const attempt = app.acquireTokenSilent({ scopes, account: accountOf(first), forceRefresh: true })
    await expect(attempt).rejects.toBeInstanceOf(InteractionRequiredAuthError)
  })

  it('C.5 a dead grant of a personal account is a server error with invalid_grant', async () => {
    const app = byMetadata()
    const first = await link(app, 'msal5@outlook.com')
    await control(simulator, 'POST', 'accounts/msal5@outlook.com/revoke')
    const failure: unknown = await app
      .acquireTokenSilent({ scopes, account: accountOf(first), forceRefresh: true })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ServerError)
    expect(failure).toMatchObject({ errorCode: 'invalid_grant', errorNo: 70000 })
  })

  it('C.5 an authority of one’s own over TLS is discovered', async () => {
    const app = application({
      authority: `${proxy.origin}/common`,
      knownAuthorities: [`127.0.0.1:${proxy.port}`],
    })
    const result = await link(app, 'msal6@contoso.com')
    expect(result.account).toMatchObject({ username: 'msal6@contoso.com' })
    const issuer: { iss: string; tid: string } = JSON.parse(
      Buffer.from(result.idToken.split('.')[1] ?? '', 'base64url').toString(),
    )
    expect(issuer.iss).toBe(`${proxy.origin}/${issuer.tid}/v2.0`)
  })

  it('C.5 an HTML answer is a parsing error, and a 503 throttles that application only', async () => {
    const app = byMetadata()
    const first = await link(app, 'msal7@outlook.com')
    await fault(simulator, { path: '/oauth2/v2.0/token' }, { type: 'garbage' })
    const forced = { scopes, account: accountOf(first), forceRefresh: true }
    await expect(app.acquireTokenSilent(forced)).rejects.toMatchObject({ errorCode: 'token_parsing_error' })
    const other = byMetadata()
    const linked = await link(other, 'msal7@outlook.com')
    expect((await other.acquireTokenSilent({ ...forced, account: accountOf(linked) })).fromCache).toBe(false)
  })
})

describe('@microsoft/microsoft-graph-client', () => {
  const fifty = content(50 * 1024 * 1024)

  it('D.2 reads the profile and the drive, creates, lists, renames, moves and deletes', async () => {
    const client = await graphClient('business')
    expect(await client.api('/me').select('displayName').get()).toMatchObject({
      displayName: expect.any(String),
    })
    expect(await client.api('/me/drive').get()).toMatchObject({ driveType: 'business' })
    const made = await client.api('/me/drive/root/children').post({ name: 'Backups', folder: {} })
    const file = await client.api('/me/drive/root:/x.txt:/content').put('hello world')
    expect(file).toMatchObject({ file: { hashes: { quickXorHash: 'aCgDG9jwBhDc4Q1yawMZAAAAAAA=' } } })
    const moved = await client
      .api(`/me/drive/items/${file.id}`)
      .patch({ name: 'y.txt', parentReference: { id: made.id } })
    expect(moved).toMatchObject({ name: 'y.txt' })
    const listed = await client.api(`/me/drive/items/${made.id}/children`).select('name').top(10).get()
    expect(listed.value).toEqual([{ name: 'y.txt' }])
    await client.api(`/me/drive/items/${file.id}`).delete()
    await expect(client.api(`/me/drive/items/${file.id}`).get()).rejects.toMatchObject({
      statusCode: 404,
      code: 'itemNotFound',
    })
  })

  it('delta: pages and the next link, by the iterator', async () => {
    const client = await graphClient('business')
    for (const name of ['1', '2', '3']) await client.api(`/me/drive/root:/${name}.txt:/content`).put(name)
    const names: string[] = []
    const first = await client.api('/me/drive/root/delta').get()
    const iterator = new PageIterator(client, first, ({ name }: { name: string }) => names.push(name) > 0)
    await iterator.iterate()
    expect(names).toEqual(expect.arrayContaining(['root', '1.txt', '2.txt', '3.txt']))
    expect(iterator.getDeltaLink()).toContain('/me/drive/root/delta?token=')
  })

  it('D.5 getStream follows the redirect to the other host', async () => {
    const client = await graphClient('personal')
    await client.api('/me/drive/root:/x.bin:/content').put(fifty.subarray(0, 100_000))
    const stream: ReadableStream<Uint8Array> = await client.api('/me/drive/root:/x.bin:/content').getStream()
    const got = Buffer.from(await new Response(stream).arrayBuffer())
    expect(got.equals(fifty.subarray(0, 100_000))).toBe(true)
  })

  it('D.8 its retry handler waits for Retry-After and goes on', async () => {
    const client = await graphClient('business')
    const headers = { 'retry-after': '0' }
    await fault(simulator, { path: '/me/drive' }, { type: 'status', status: 503, headers })
    expect(await client.api('/me/drive').get()).toMatchObject({ driveType: 'business' })
  })

  it.each(['personal' as const, 'business' as const])(
    'D.4 LargeFileUploadTask stores 50 MiB in a %s drive',
    { timeout: 120_000 },
    async (kind) => {
      const client = await graphClient(kind)
      const session = await LargeFileUploadTask.createUploadSession(
        client,
        '/me/drive/root:/in/big.bin:/createUploadSession',
        { item: { '@microsoft.graph.conflictBehavior': 'replace' } },
      )
      const file = new FileUpload(new Uint8Array(fifty), 'big.bin', fifty.length)
      const seen: number[] = []
      const task = new LargeFileUploadTask(client, file, session, {
        rangeSize: 10 * 1024 * 1024,
        uploadEventHandlers: { progress: (range) => seen.push(range?.maxValue ?? -1) },
      })
      const result = await task.upload()
      expect(result.responseBody).toMatchObject({
        name: 'big.bin',
        size: fifty.length,
        file: { hashes: { quickXorHash: quickXor(fifty) } },
      })
      expect(seen).toHaveLength(5)
    },
  )

  it(
    'D.4 LargeFileUploadTask resumes after a lost connection, from where the service says',
    { timeout: 120_000 },
    async () => {
      const client = await graphClient('business')
      const session = await LargeFileUploadTask.createUploadSession(
        client,
        '/me/drive/root:/big.bin:/createUploadSession',
        {},
      )
      const file = new FileUpload(new Uint8Array(fifty), 'big.bin', fifty.length)
      const task = new LargeFileUploadTask(client, file, session, { rangeSize: 5 * 1024 * 1024 })
      await fault(simulator, { fragment: 4 }, { type: 'reset', afterBytes: 1_000_000 })
      await expect(task.upload()).rejects.toThrow('fetch failed')
      const status = await task.getStatus()
      expect(status).toMatchObject({ nextExpectedRanges: [`${15 * 1024 * 1024}-`] })
      const result: unknown = await task.resume()
      expect(result).toMatchObject({ responseBody: { file: { hashes: { quickXorHash: quickXor(fifty) } } } })
    },
  )

  it('D.4 LargeFileUploadTask uploads from a stream, and cancels', async () => {
    const client = await graphClient('personal')
    const path = '/me/drive/root:/stream.bin:/createUploadSession'
    const bytes = fifty.subarray(0, 1_000_000)
    const session = await LargeFileUploadTask.createUploadSession(client, path, {})
    const file = new StreamUpload(Readable.from([bytes], { objectMode: false }), 'stream.bin', bytes.length)
    const done = await new LargeFileUploadTask(client, file, session, { rangeSize: 327_680 }).upload()
    expect(done.responseBody).toMatchObject({
      size: bytes.length,
      file: { hashes: { quickXorHash: quickXor(bytes) } },
    })
    const second = await LargeFileUploadTask.createUploadSession(client, path, {})
    const task = new LargeFileUploadTask(client, new FileUpload(new Uint8Array(bytes), 'x', 9), second)
    expect(await task.cancel()).toMatchObject({ status: 204 })
    await expect(task.getStatus()).rejects.toMatchObject({ statusCode: 404 })
  })

  it('D.7 an expired token is a GraphError with InvalidAuthenticationToken', async () => {
    const client = await graphClient('business')
    simulator.clock.advance(HOUR)
    await expect(client.api('/me').get()).rejects.toMatchObject({
      statusCode: 401,
      code: 'InvalidAuthenticationToken',
    })
  })
})
