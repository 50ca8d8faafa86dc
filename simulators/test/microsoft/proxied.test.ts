import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { selfSigned } from './self-signed.ts'
import { content, control, send, signIn, UNIT, useSimulator } from './support.ts'
import type { Proxy } from './tls-proxy.ts'
import { startProxy } from './tls-proxy.ts'

const simulator = useSimulator()
const certificate = selfSigned(['graph.microsoft.com', 'login.microsoftonline.com'])
let graph: Proxy

beforeAll(async () => {
  graph = await startProxy(simulator.origin, certificate, 'graph.microsoft.com')
})
afterAll(() => graph.close())

interface Reply {
  status: number
  location: string
  bytes: Buffer
}

/** A client that believes the proxy to be graph.microsoft.com. */
async function call(
  method: string,
  url: string,
  headers: Record<string, string>,
  body?: Uint8Array,
): Promise<Reply> {
  const { hostname, pathname, search } = new URL(url)
  expect(hostname).toBe('graph.microsoft.com')
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: '127.0.0.1',
        port: graph.port,
        servername: hostname,
        ca: certificate.cert,
        path: pathname + search,
        method,
        headers: {
          host: hostname,
          ...headers,
          ...(body === undefined ? {} : { 'content-length': body.length }),
        },
      },
      (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            location: res.headers.location ?? '',
            bytes: Buffer.concat(chunks),
          }),
        )
      },
    )
    req.on('error', reject)
    req.end(body)
  })
}

describe('behind a proxy that gives the real names', () => {
  it('F.2 upload, next link, download and monitor URLs all go back through the proxy', async () => {
    const user = await signIn(simulator, 'business')
    const base = 'https://graph.microsoft.com/v1.0/me/drive'
    const bearer = { authorization: `Bearer ${user.tokens.access_token}` }
    const json = { ...bearer, 'content-type': 'application/json' }
    const bytes = content(UNIT + 5)
    const opened = await call('POST', `${base}/root:/a/x:/createUploadSession`, json, Buffer.from('{}'))
    const session: { uploadUrl: string } = JSON.parse(opened.bytes.toString())
    const range = { 'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}` }
    const stored = await call('PUT', session.uploadUrl, range, bytes)
    expect(stored.status).toBe(201)
    await call('PUT', `${base}/root:/a/y:/content`, bearer, bytes)
    const listed = await call('GET', `${base}/root:/a:/children?$top=1`, bearer)
    const page: { '@odata.nextLink': string } = JSON.parse(listed.bytes.toString())
    expect((await call('GET', page['@odata.nextLink'], bearer)).status).toBe(200)
    const redirect = await call('GET', `${base}/root:/a/x:/content`, bearer)
    expect(redirect.status).toBe(302)
    // With one public name there is no second host, so a bearer that followed the redirect does no harm.
    const got = await call('GET', redirect.location, bearer)
    expect(got.bytes.equals(bytes)).toBe(true)
    const copied = await call('POST', `${base}/root:/a/x:/copy`, json, Buffer.from('{"name":"z"}'))
    expect(copied.status).toBe(202)
    expect((await call('GET', copied.location, {})).status).toBeLessThan(300)
  })

  it('C.1 discovery follows the forwarded name, with userinfo on Graph’s', async () => {
    const response = await fetch(`${simulator.origin}/common/v2.0/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'login.microsoftonline.com' },
    })
    expect(await response.json()).toMatchObject({
      issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
      userinfo_endpoint: 'https://graph.microsoft.com/oidc/userinfo',
    })
  })

  it('F.2 the request log names the account and tells whether a bearer came along', async () => {
    const user = await signIn(simulator, 'business')
    await control(simulator, 'DELETE', 'requests')
    const opened = await user.graph('POST', '/me/drive/root:/log:/createUploadSession', { json: {} })
    await send('PUT', opened.body.uploadUrl, {
      bytes: content(9),
      headers: { 'content-range': 'bytes 0-8/9' },
    })
    const log = await control(simulator, 'GET', 'requests')
    expect(log).toMatchObject([
      { account: user.account, authorization: true, status: 200 },
      { account: user.account, authorization: false, status: 201, requestBytes: 9 },
    ])
  })
})
