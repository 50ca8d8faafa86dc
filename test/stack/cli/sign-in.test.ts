import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exitCodes } from '../../../cli/exit-codes.ts'
import { startContractServer } from '../../support/contract-server.ts'
import type { ContractServer } from '../../support/contract-server.ts'
import { browsing, cleanEnvironment, runCli } from './run-cli.ts'
import type { RunOptions } from './run-cli.ts'

let api: ContractServer
let issuer: Awaited<ReturnType<typeof startIssuer>>
let folder: string

beforeEach(async () => {
  api = await startContractServer()
  issuer = await startIssuer()
  folder = await mkdtemp(join(tmpdir(), 'driveway-sign-in-'))
})

afterEach(async () => {
  await Promise.all([api.close(), issuer.close()])
  await rm(folder, { recursive: true })
})

const run = (args: readonly string[], options: RunOptions = {}) =>
  runCli(args, { ...options, cwd: folder, env: cleanEnvironment(folder, { DRIVEWAY_URL: api.url }) })
const loginArgs = () => ['login', '--issuer', issuer.url, '--client-id', 'cli', '--no-browser']

/** An OIDC issuer in small: PKCE and device codes, refresh tokens that work once. */
async function startIssuer() {
  const challenges = new Map<string, { challenge: string; redirectUri: string }>()
  const state = {
    url: '',
    accessToken: 'h.good-1.s',
    lifetime: 3600,
    refreshToken: 'refresh-1',
    pendingPolls: 1,
    refreshes: 0,
    close: async () => {},
  }
  const answer = () => ({
    access_token: state.accessToken,
    refresh_token: state.refreshToken,
    expires_in: state.lifetime,
  })
  const token = (form: URLSearchParams): object => {
    const grant = form.get('grant_type')
    if (form.get('client_id') !== 'cli') return { error: 'invalid_client' }
    if (grant === 'refresh_token') {
      if (form.get('refresh_token') !== state.refreshToken) return { error: 'invalid_grant' }
      state.refreshes += 1
      state.refreshToken = `refresh-${state.refreshes + 1}`
      return answer()
    }
    if (grant === 'authorization_code') {
      const asked = challenges.get(form.get('code') ?? '')
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url')
      return asked?.challenge === challenge && asked.redirectUri === form.get('redirect_uri')
        ? answer()
        : { error: 'invalid_grant' }
    }
    state.pendingPolls -= 1
    return state.pendingPolls >= 0 ? { error: 'authorization_pending' } : answer()
  }
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '/', state.url)
    const json = (body: object) =>
      response
        .writeHead('error' in body ? 400 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(body))
    if (url.pathname === '/.well-known/openid-configuration') {
      json({
        issuer: state.url,
        authorization_endpoint: `${state.url}/authorize`,
        token_endpoint: `${state.url}/token`,
        device_authorization_endpoint: `${state.url}/device`,
      })
    } else if (url.pathname === '/authorize') {
      const redirectUri = url.searchParams.get('redirect_uri') ?? ''
      challenges.set('code-1', { challenge: url.searchParams.get('code_challenge') ?? '', redirectUri })
      const back = new URL(redirectUri)
      back.searchParams.set('state', url.searchParams.get('state') ?? '')
      back.searchParams.set('code', 'code-1')
      response.writeHead(302, { location: back.href }).end()
    } else if (url.pathname === '/device') {
      json({
        device_code: 'device-1',
        user_code: 'WDJB-MJHT',
        verification_uri: `${state.url}/activate`,
        expires_in: 60,
        interval: 0,
      })
    } else {
      void formOf(request).then((form) => json(token(form)))
    }
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  state.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  state.close = async () => {
    http.closeAllConnections()
    http.close()
    await once(http, 'close')
  }
  return state
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

test('the browser signs in with PKCE, and the token is kept and used', async () => {
  api.validToken = 'h.good-1.s'
  const signedIn = await run(loginArgs(), { onText: browsing() })
  expect(signedIn).toMatchObject({ code: 0, stdout: `Signed in to ${api.url}.\n` })
  expect(signedIn.stderr).not.toContain('h.good-1.s')
  expect((await run(['connections'])).stdout).toContain('drive-1')
})

test('a browser that comes with a foreign state is not listened to', async () => {
  const running = Promise.withResolvers<() => void>()
  const shown = Promise.withResolvers<string>()
  const waiting = run(loginArgs(), {
    onStart: running.resolve,
    onText: (text) => {
      const [url] = /http:\S+\/authorize\?\S+(?=\s)/.exec(text) ?? []
      if (url !== undefined) shown.resolve(url)
    },
  })
  const forged = (await shown.promise).replace(/state=[^&]+/, 'state=forged')
  expect((await fetch(forged)).status).toBe(404)
  const interrupt = await running.promise
  interrupt()
  expect((await waiting).code).toBe(exitCodes.interrupted)
})

test('a device code waits until it is allowed', async () => {
  api.validToken = 'h.good-1.s'
  const signedIn = await run([...loginArgs(), '--device'])
  expect(signedIn).toMatchObject({ code: 0, stderr: expect.stringContaining('WDJB-MJHT') })
  expect((await run(['connections'])).code).toBe(0)
})

test('a token that is about to end is refreshed first, and the new refresh token is kept', async () => {
  issuer.lifetime = 30
  await run(loginArgs(), { onText: browsing() })
  issuer.accessToken = 'h.good-2.s'
  api.validToken = 'h.good-2.s'
  expect((await run(['connections'])).code).toBe(0)
  expect((await run(['connections'])).code).toBe(0)
  expect(issuer.refreshes).toBe(2)
  expect(await readFile(join(folder, 'config.json'), 'utf8')).toContain('refresh-3')
})

test('a token that the API refuses is refreshed once', async () => {
  await run(loginArgs(), { onText: browsing() })
  issuer.accessToken = 'h.good-3.s'
  api.validToken = 'h.good-3.s'
  expect((await run(['connections'])).code).toBe(0)
  api.validToken = 'another'
  expect((await run(['connections'])).code).toBe(exitCodes.signIn)
})

test('a dead refresh token asks to sign in again', async () => {
  issuer.lifetime = 30
  await run(loginArgs(), { onText: browsing() })
  issuer.refreshToken = 'revoked'
  expect(await run(['connections'])).toMatchObject({
    code: exitCodes.signIn,
    stderr: expect.stringContaining('invalid_grant'),
  })
})

test('a plain http issuer elsewhere is refused before anything is sent', async () => {
  const refused = await run(['login', '--issuer', 'http://issuer.invalid', '--client-id', 'cli'])
  expect(refused).toMatchObject({ code: exitCodes.usage, stderr: expect.stringContaining('https') })
})
