import { OAuth2Client } from 'google-auth-library'
import { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import * as z from 'zod/mini'
import type { Simulated, SimulatedOptions } from '../kernel/simulated.ts'
import { simulated } from '../kernel/simulated.ts'
import { startGoogleSimulator } from '../../google/server.ts'

export const CLIENT = {
  clientId: '1001-driveway.apps.googleusercontent.com',
  clientSecret: 'secret-1001',
  redirectUris: ['http://127.0.0.1:9/callback'],
}
export const REDIRECT = 'http://127.0.0.1:9/callback'
export const DRIVE_FILE = 'https://www.googleapis.com/auth/drive.file'
export const DRIVE = 'https://www.googleapis.com/auth/drive'
export const UNIT = 262_144

export type Google = Simulated

export const startGoogle = (options: SimulatedOptions = {}): Promise<Google> =>
  simulated(startGoogleSimulator, CLIENT, options)

/** google-auth-library's own client, pointed at the simulator by its documented endpoint settings. */
export function authClient(origin: string, client = CLIENT): OAuth2Client {
  return new OAuth2Client({
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    redirectUri: client.redirectUris[0] ?? REDIRECT,
    endpoints: {
      oauth2AuthBaseUrl: `${origin}/o/oauth2/v2/auth`,
      oauth2TokenUrl: `${origin}/token`,
      oauth2RevokeUrl: `${origin}/revoke`,
      tokenInfoUrl: `${origin}/tokeninfo`,
      oauth2FederatedSignonPemCertsUrl: `${origin}/oauth2/v1/certs`,
      oauth2FederatedSignonJwkCertsUrl: `${origin}/oauth2/v3/certs`,
    },
  })
}

/** Posts the consent form; the parameters of the redirect. */
export async function consent(url: string, form: Record<string, string>): Promise<URLSearchParams> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
  const location = response.headers.get('location')
  if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`)
  return new URL(location).searchParams
}

export interface SignIn {
  email?: string
  scope?: string | string[]
  client?: typeof CLIENT
  query?: Record<string, string>
  form?: Record<string, string>
}

/** Consent and code exchange through the official client. */
export async function signIn(google: Pick<Google, 'origin'>, options: SignIn = {}): Promise<OAuth2Client> {
  const auth = authClient(google.origin, options.client ?? CLIENT)
  const url = auth.generateAuthUrl({
    access_type: 'offline',
    prompt: 'consent',
    scope: options.scope ?? [DRIVE_FILE, 'openid', 'email'],
    ...options.query,
  })
  const answer = await consent(url, {
    decision: 'approve',
    account: options.email ?? 'ada@example.com',
    ...options.form,
  })
  const { tokens } = await auth.getToken(answer.get('code') ?? '')
  // The simulated clock stands in another year than the machine's:
  // the library must not judge expiry by its own.
  auth.setCredentials({ ...tokens, expiry_date: Date.now() + 3_600_000 })
  return auth
}

/** The official Drive client, and the call options that send its media requests to the simulator too. */
export function driveClient(
  google: Pick<Google, 'origin'>,
  auth: OAuth2Client,
): { drive: drive_v3.Drive; here: object } {
  const here = { rootUrl: `${google.origin}/`, retry: false }
  return { drive: new drive_v3.Drive({ auth, ...here }), here }
}

/** A bearer call without any client in between. */
export async function call(
  google: Pick<Google, 'origin'>,
  auth: OAuth2Client | undefined,
  method: string,
  path: string,
  init: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
): Promise<Response> {
  const token = auth?.credentials.access_token
  const headers = { ...(token ? { authorization: `Bearer ${token}` } : {}), ...init.headers }
  const url = path.startsWith('http') ? path : google.origin + path
  return fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...(init.body === undefined ? {} : { body: init.body }),
  })
}

/** Opens a resumable session; its address. */
export async function openUpload(
  google: Google,
  auth: OAuth2Client,
  metadata: unknown,
  options: { headers?: Record<string, string>; query?: string; file?: string } = {},
): Promise<string> {
  const path = `/upload/drive/v3/files${options.file === undefined ? '' : `/${options.file}`}?uploadType=resumable${options.query ?? ''}`
  const response = await call(google, auth, options.file === undefined ? 'POST' : 'PATCH', path, {
    body: JSON.stringify(metadata),
    headers: { 'content-type': 'application/json; charset=UTF-8', ...options.headers },
  })
  const location = response.headers.get('location')
  if (response.status !== 200 || location === null)
    throw new Error(`no session: ${response.status} ${await response.text()}`)
  return location
}

/** One PUT to a session address. */
export async function put(
  session: string,
  range: string | undefined,
  body: Uint8Array<ArrayBuffer> = new Uint8Array(0),
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(session, {
    method: 'PUT',
    headers: { ...(range === undefined ? {} : { 'content-range': range }), ...headers },
    body,
  })
}

const envelope = z.object({
  error: z.object({
    code: z.number(),
    message: z.string(),
    status: z.optional(z.string()),
    errors: z.array(
      z.looseObject({ reason: z.string(), domain: z.string(), location: z.optional(z.string()) }),
    ),
  }),
})

/** Drive's error envelope out of an answer. */
export async function driveFailure(response: Response): Promise<{
  status: number
  code: number
  reason: string | undefined
  message: string
  location: string | undefined
}> {
  const { error } = envelope.parse(await response.json())
  const [first] = error.errors
  return {
    status: response.status,
    code: error.code,
    reason: first?.reason,
    message: error.message,
    location: first?.location,
  }
}

/** The reason of the failure that the official client rejects with. */
export async function clientFailure(
  work: Promise<unknown>,
): Promise<{ status: number; reason: string | undefined }> {
  const failure = z.looseObject({ response: z.object({ status: z.number(), data: envelope }) })
  const rejected = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  const { response } = failure.parse(rejected)
  return { status: response.status, reason: response.data.error.errors[0]?.reason }
}

/** Bytes that differ from place to place, the same on every run. */
export function sampleBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >> 8) * 7) & 0xff
  return bytes
}

/** A JSON answer as an open record. */
export async function json(response: Response): Promise<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).parse(await response.json())
}
