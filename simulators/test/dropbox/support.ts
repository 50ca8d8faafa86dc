import type { DropboxResponseError } from 'dropbox'
import { Dropbox, DropboxAuth } from 'dropbox'
import * as z from 'zod/mini'
import { startDropboxSimulator } from '../../dropbox/server.ts'
import type { Simulated, SimulatedOptions } from '../kernel/simulated.ts'
import { simulated } from '../kernel/simulated.ts'

export const REDIRECT = 'http://127.0.0.1:9/callback'
export const CLIENT = {
  clientId: 'abc123def456ghi',
  clientSecret: 'secret-abc',
  redirectUris: [REDIRECT],
}
export const SCOPES = [
  'account_info.read',
  'files.metadata.read',
  'files.content.read',
  'files.content.write',
]
export const HOUR = 3_600_000

export const startSimulated = (options: SimulatedOptions = {}): Promise<Simulated> =>
  simulated(startDropboxSimulator, CLIENT, options)

/** What the official client calls in place of its hosts: its requests go to the simulator as they are. */
export function toward(origin: string): typeof fetch {
  const there = /^https:\/\/[a-z]+\.dropbox(?:api)?\.com/
  return (url, init) => fetch(typeof url === 'string' ? url.replace(there, origin) : url, init)
}

/** Posts the consent form; the parameters of the redirect. */
export async function consent(
  { origin }: Pick<Simulated, 'origin'>,
  url: string,
  form: Record<string, string>,
): Promise<URLSearchParams> {
  const at = url.replace(/^https:\/\/www\.dropbox\.com|^https:\/\/dropbox\.com/, origin)
  const response = await fetch(at, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
  const location = response.headers.get('location')
  if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`)
  return new URL(location).searchParams
}

const tokens = z.object({
  access_token: z.string(),
  refresh_token: z.optional(z.string()),
  expires_in: z.number(),
  scope: z.optional(z.string()),
  account_id: z.optional(z.string()),
})

/** Consent and code exchange through the official client. */
export async function signIn(
  { origin }: Pick<Simulated, 'origin'>,
  options: { email?: string; scopes?: string[] } = {},
): Promise<{ auth: DropboxAuth; dropbox: Dropbox; tokens: z.output<typeof tokens> }> {
  const auth = new DropboxAuth({ ...CLIENT, fetch: toward(origin) })
  const scopes = options.scopes ?? SCOPES
  const url = await auth.getAuthenticationUrl(REDIRECT, 'a-state', 'code', 'offline', scopes, 'none', false)
  const form = { decision: 'approve', account: options.email ?? 'ada@example.com' }
  const code = (await consent({ origin }, url, form)).get('code') ?? ''
  const given = tokens.parse((await auth.getAccessTokenFromCode(REDIRECT, code)).result)
  auth.setAccessToken(given.access_token)
  // The simulated clock stands in another year than the machine's.
  auth.setAccessTokenExpiresAt(new Date(Date.now() + 4 * HOUR))
  return { auth, dropbox: new Dropbox({ auth, fetch: toward(origin) }), tokens: given }
}

/** Status and tags of what the official client rejects with. */
export async function failure(work: Promise<unknown>): Promise<{ status: number; tags: string }> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason as DropboxResponseError<unknown>,
  )
  const body = z.union([z.string(), z.object({ error_summary: z.string() })]).parse(error?.error)
  const summary = typeof body === 'string' ? body : body.error_summary
  return { status: error?.status ?? 0, tags: summary.replace(/\/\.*$/, '') }
}

/** A call of the API without any client in between. */
export async function call(
  { origin }: Pick<Simulated, 'origin'>,
  token: string | undefined,
  route: string,
  init: { arg?: unknown; body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${origin}/2/${route}`, {
    method: 'POST',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(init.arg === undefined ? {} : { 'dropbox-api-arg': JSON.stringify(init.arg) }),
      ...init.headers,
    },
    ...(init.body === undefined ? {} : { body: init.body }),
  })
}

/** Bytes that differ from place to place, the same on every run. */
export function sampleBytes(length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >> 8) * 7) & 0xff
  return bytes
}
