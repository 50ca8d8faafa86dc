import * as z from 'zod/mini'
import { createDriveway } from '../client/src/node.ts'
import type { Driveway } from '../client/src/node.ts'
import { readConfig, saveLogin } from './config.ts'
import type { OidcLogin } from './config.ts'
import { CommandError, exitCodes, UsageError } from './exit-codes.ts'
import { refreshLogin } from './oidc.ts'

/** The local stack's address: what is used when nothing else is said. */
export const localUrl = 'http://127.0.0.1:8787'

export interface SessionOptions {
  readonly url: string | undefined
  /** The user to be at a local stack. */
  readonly as: string | undefined
  readonly signal: AbortSignal
}

export interface Session {
  readonly url: string
  readonly driveway: Driveway
  readonly token: (need: { readonly refresh: boolean }) => Promise<string>
}

/**
 * The deployment to talk to: --url, else DRIVEWAY_URL, else the one signed in to last, else the local stack.
 */
export async function chooseUrl(url: string | undefined): Promise<string> {
  const chosen = url ?? process.env['DRIVEWAY_URL'] ?? (await readConfig()).current ?? localUrl
  if (!URL.canParse(chosen) || !/^https?:$/.test(new URL(chosen).protocol))
    throw new UsageError(`${chosen} is not a URL of an API.`)
  return chosen.replace(/\/+$/, '').replace(/\/v1$/, '')
}

export async function openSession({ url, as, signal }: SessionOptions): Promise<Session> {
  const chosen = await chooseUrl(url)
  const token = tokenSource(chosen, as, signal)
  return { url: chosen, driveway: createDriveway({ baseUrl: chosen, token }), token }
}

/** True for an address on this machine, where the local stack hands out tokens. */
export function isLocal(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
}

function tokenSource(url: string, as: string | undefined, signal: AbortSignal) {
  let known: Promise<string> | undefined
  return ({ refresh }: { readonly refresh: boolean }): Promise<string> => {
    if (known === undefined || refresh) known = findToken(url, as, refresh, signal)
    return known
  }
}

async function findToken(
  url: string,
  as: string | undefined,
  refresh: boolean,
  signal: AbortSignal,
): Promise<string> {
  const given = process.env['DRIVEWAY_TOKEN']
  if (given !== undefined && as === undefined) return given
  const login = (await readConfig()).deployments[url]
  if (login?.kind === 'oidc' && as === undefined) return oidcToken(url, login, refresh, signal)
  if (isLocal(url))
    return localToken(
      url,
      as ?? process.env['DRIVEWAY_USER'] ?? (login?.kind === 'local' ? login.as : 'alice'),
      signal,
    )
  throw new CommandError(
    exitCodes.signIn,
    `Not signed in to ${url}. Run: driveway login --url ${url} --issuer <issuer> --client-id <id>`,
  )
}

async function oidcToken(
  url: string,
  login: OidcLogin,
  refresh: boolean,
  signal: AbortSignal,
): Promise<string> {
  const endsSoon = login.expiresAt - Date.now() < 60_000
  if (!refresh && !endsSoon) return login.token
  try {
    const fresh = await refreshLogin(login, signal)
    await saveLogin(url, fresh)
    return fresh.token
  } catch (error) {
    // Another run may have refreshed meanwhile, and the issuer may accept each refresh token once.
    const now = (await readConfig()).deployments[url]
    if (now?.kind === 'oidc' && now.token !== login.token) return now.token
    throw error
  }
}

/** A token of the local stack's own issuer: a user's, or a machine's. */
export async function localToken(
  url: string,
  who: string | { readonly client: string; readonly scopes: readonly string[] },
  signal: AbortSignal,
): Promise<string> {
  let response: Response
  try {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(typeof who === 'string' ? { sub: who } : who),
      signal,
    }
    response = await fetch(`${url}/local/token`, init)
  } catch (error) {
    if (signal.aborted) throw error
    throw new CommandError(
      exitCodes.network,
      `Nothing answers at ${url}. Start the local stack with npm start, or name a deployment with --url.`,
    )
  }
  const body = z.object({ token: z.string() }).safeParse(await response.json().catch(() => undefined))
  if (response.ok && body.success) return body.data.token
  throw new CommandError(
    exitCodes.signIn,
    `${url} is no local stack of ours. Sign in: driveway login --url ${url} --issuer <issuer> --client-id <id>`,
  )
}
