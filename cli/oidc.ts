import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod/mini'
import { openBrowser } from './browser.ts'
import type { OidcLogin } from './config.ts'
import { CommandError, exitCodes, UsageError } from './exit-codes.ts'
import { listenForBrowser } from './loopback.ts'
import type { Output } from './output.ts'

const discovery = z.object({
  issuer: z.string(),
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  device_authorization_endpoint: z.optional(z.string()),
})
const tokens = z.object({
  access_token: z.string(),
  id_token: z.optional(z.string()),
  refresh_token: z.optional(z.string()),
  expires_in: z.optional(z.number()),
})
const deviceGrant = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.optional(z.string()),
  expires_in: z.number(),
  interval: z.optional(z.number()),
})
const refusal = z.object({ error: z.string(), error_description: z.optional(z.string()) })

export interface SignInOptions {
  readonly issuer: string
  readonly clientId: string
  readonly scope: string
  /** The device code flow, for machines whose browser is elsewhere. */
  readonly device: boolean
  /** A fixed loopback port, for issuers that do not accept any. */
  readonly port: number
  readonly browser: boolean
}

class TokenRefusal extends CommandError {
  readonly reason: string
  constructor(reason: string, description: string | undefined) {
    super(exitCodes.signIn, `The issuer refused the sign-in: ${description ?? reason}`)
    this.reason = reason
  }
}

/** Signs in at the deployment's issuer: PKCE through the browser, or a device code. */
export async function signIn(
  options: SignInOptions,
  output: Output,
  signal: AbortSignal,
): Promise<OidcLogin> {
  const issuer = options.issuer.replace(/\/+$/, '')
  requireSafe(issuer)
  const found = await getJson(`${issuer}/.well-known/openid-configuration`, discovery, signal)
  const device = found.device_authorization_endpoint
  if (options.device && device === undefined)
    throw new UsageError('The issuer does not offer device codes; leave out --device.')
  const granted =
    options.device && device !== undefined
      ? await byDeviceCode(device, found.token_endpoint, options, output, signal)
      : await byBrowser(found.authorization_endpoint, found.token_endpoint, options, output, signal)
  return loginOf({ issuer, clientId: options.clientId, tokenEndpoint: found.token_endpoint }, granted)
}

/** A fresh login from the stored refresh token. */
export async function refreshLogin(login: OidcLogin, signal: AbortSignal): Promise<OidcLogin> {
  if (login.refreshToken === undefined)
    throw new CommandError(exitCodes.signIn, 'The sign-in has expired: driveway login')
  const form = { grant_type: 'refresh_token', refresh_token: login.refreshToken, client_id: login.clientId }
  const granted = await postForm(login.tokenEndpoint, form, tokens, signal)
  return loginOf(login, { ...granted, refresh_token: granted.refresh_token ?? login.refreshToken })
}

function loginOf(
  at: Pick<OidcLogin, 'issuer' | 'clientId' | 'tokenEndpoint'>,
  granted: z.infer<typeof tokens>,
): OidcLogin {
  // Some issuers give access tokens that only they can read; then
  // the id token is the one that our API can verify.
  const isJwt = granted.access_token.split('.').length === 3
  return {
    kind: 'oidc',
    issuer: at.issuer,
    clientId: at.clientId,
    tokenEndpoint: at.tokenEndpoint,
    token: isJwt ? granted.access_token : (granted.id_token ?? granted.access_token),
    ...(granted.refresh_token !== undefined && { refreshToken: granted.refresh_token }),
    expiresAt: Date.now() + (granted.expires_in ?? 300) * 1000,
  }
}

async function byBrowser(
  authorizationEndpoint: string,
  tokenEndpoint: string,
  { clientId, scope, port, browser }: SignInOptions,
  output: Output,
  signal: AbortSignal,
): Promise<z.infer<typeof tokens>> {
  const loopback = await listenForBrowser(port)
  try {
    const verifier = randomBytes(32).toString('base64url')
    const state = randomBytes(16).toString('base64url')
    const url = new URL(authorizationEndpoint)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const parameters = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: loopback.url,
      scope,
      state,
    }
    for (const [name, value] of Object.entries({
      ...parameters,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })) {
      url.searchParams.set(name, value)
    }
    if (output.json) output.result({ event: 'authorize', authorizationUrl: url.href }, () => '')
    output.ask(`Sign in with your browser:\n  ${url.href}`)
    if (browser) openBrowser(url.href)
    const query = await loopback.arrival((arrived) => arrived.get('state') === state, signal)
    const code = query.get('code')
    if (code === null)
      throw new TokenRefusal(query.get('error') ?? 'no code', query.get('error_description') ?? undefined)
    const form = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: loopback.url,
      client_id: clientId,
      code_verifier: verifier,
    }
    return await postForm(tokenEndpoint, form, tokens, signal)
  } finally {
    loopback.close()
  }
}

/** https://www.rfc-editor.org/rfc/rfc8628 */
async function byDeviceCode(
  deviceEndpoint: string,
  tokenEndpoint: string,
  { clientId, scope }: SignInOptions,
  output: Output,
  signal: AbortSignal,
): Promise<z.infer<typeof tokens>> {
  const grant = await postForm(deviceEndpoint, { client_id: clientId, scope }, deviceGrant, signal)
  const url = grant.verification_uri_complete ?? grant.verification_uri
  if (output.json)
    output.result({ event: 'authorize', authorizationUrl: url, userCode: grant.user_code }, () => '')
  output.ask(`Open ${grant.verification_uri} on any device and enter the code ${grant.user_code}`)
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: grant.device_code,
    client_id: clientId,
  }
  const end = Date.now() + grant.expires_in * 1000
  let seconds = grant.interval ?? 5
  while (Date.now() < end) {
    await sleep(seconds * 1000, undefined, { signal })
    try {
      return await postForm(tokenEndpoint, form, tokens, signal)
    } catch (error) {
      if (!(error instanceof TokenRefusal)) throw error
      if (error.reason === 'slow_down') seconds += 5
      else if (error.reason !== 'authorization_pending') throw error
    }
  }
  throw new CommandError(exitCodes.signIn, 'The code has expired. Run driveway login again.')
}

/** Tokens travel over TLS, or inside this machine. */
function requireSafe(url: string): void {
  const { protocol, hostname } = new URL(url)
  if (
    protocol === 'https:' ||
    (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
  )
    return
  throw new UsageError(`${url} is not an https URL.`)
}

async function getJson<T extends z.ZodMiniType>(
  url: string,
  schema: T,
  signal: AbortSignal,
): Promise<z.infer<T>> {
  const response = await send(url, { signal })
  if (!response.ok) throw new CommandError(exitCodes.signIn, `${url} answered ${response.status}.`)
  return schema.parse(await response.json())
}

async function postForm<T extends z.ZodMiniType>(
  url: string,
  form: Record<string, string>,
  schema: T,
  signal: AbortSignal,
): Promise<z.infer<T>> {
  requireSafe(url)
  const response = await send(url, {
    method: 'POST',
    body: new URLSearchParams(form),
    signal,
    redirect: 'error',
  })
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok) return schema.parse(body)
  const refused = refusal.safeParse(body)
  if (!refused.success) throw new CommandError(exitCodes.signIn, `The issuer answered ${response.status}.`)
  throw new TokenRefusal(refused.data.error, refused.data.error_description)
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw new CommandError(exitCodes.network, `${new URL(url).origin} cannot be reached.`)
  }
}
