import * as z from 'zod/mini'
import type { Exchange } from '../../kernel/exchange.ts'
import type { AppFolder, DropboxState, Token } from '../state.ts'
import { ensureAccount } from '../state.ts'
import { badInput, unauthorized } from './errors.ts'

/** An authenticated call. */
export interface Call<Arg> {
  state: DropboxState
  x: Exchange
  /** the route's name, `files/upload` */
  route: string
  token: Token
  /** what the app sees */
  folder: AppFolder
  arg: Arg
}

/** Where a route's argument is: in the body, or in a header because the body is content (or is answered). */
export type Style = 'rpc' | 'upload' | 'download'

/** The name of the route that a request is for. */
export const routeOf = (url: URL): string => url.pathname.replace(/^\/2\//, '')

/** Checks token, scope, content type and argument, in Dropbox's order; throws what Dropbox answers. */
export async function openCall<Arg>(
  state: DropboxState,
  x: Exchange,
  style: Style,
  scope: string | undefined,
  schema: z.ZodMiniType<Arg>,
): Promise<Call<Arg>> {
  const route = routeOf(x.url)
  const token = authenticate(state, x, route, scope)
  const folder = { account: ensureAccount(state, token.account), clientId: token.clientId }
  requireContentType(x, route, style)
  const [given, where] =
    style === 'rpc' ? [await bodyOf(x, route), 'request body'] : [headerArgument(x, route), headerName]
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw badInput(route, `${where}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'bad input'}`)
  }
  return { state, x, route, token, folder, arg: parsed.data }
}

const headerName = 'HTTP header "Dropbox-API-Arg"'

function authenticate(state: DropboxState, x: Exchange, route: string, scope: string | undefined): Token {
  const header = x.req.headers.authorization
  if (header === undefined)
    throw badInput(route, 'Must provide HTTP header "Authorization" or URL parameter "authorization".')
  const bearer = /^Bearer (\S+)$/.exec(header)?.[1]
  if (bearer === undefined)
    throw badInput(
      route,
      'Invalid authorization value in HTTP header "Authorization". Expecting "Bearer <oauth2-access-token>".',
    )
  const token = state.tokens.get(bearer)
  if (token?.kind !== 'access') throw unauthorized('invalid_access_token')
  x.account = token.account
  if (state.clock.now() >= (token.expiresAt ?? 0)) throw unauthorized('expired_access_token')
  if (scope !== undefined && !token.scopes.includes(scope))
    throw unauthorized('missing_scope', { required_scope: scope })
  return token
}

const accepted: Record<Style, RegExp> = {
  rpc: /^(?:application\/json|text\/plain; charset=dropbox-cors-hack)/i,
  upload: /^(?:application\/octet-stream|text\/plain; charset=dropbox-cors-hack)$/i,
  download: /^(?:text\/plain|application\/octet-stream)/i,
}

function requireContentType(x: Exchange, route: string, style: Style): void {
  const type = x.req.headers['content-type'] ?? ''
  // A call without an argument may have neither a body nor a type, and a download's body is empty.
  if (type === '' && (style !== 'upload' || x.contentLength === 0)) return
  if (accepted[style].test(type)) return
  const wanted = style === 'rpc' ? '"application/json"' : '"application/octet-stream"'
  throw badInput(route, `Bad HTTP "Content-Type" header: "${type}". Expecting one of ${wanted}.`)
}

async function bodyOf(x: Exchange, route: string): Promise<unknown> {
  const given = await x.jsonBody().catch((error: unknown) => {
    if (error instanceof SyntaxError) throw badInput(route, 'request body: could not decode input as JSON')
    throw error
  })
  return given ?? null
}

function headerArgument(x: Exchange, route: string): unknown {
  const text = x.req.headers['dropbox-api-arg'] ?? x.url.searchParams.get('arg')
  if (typeof text !== 'string') throw badInput(route, `Must provide ${headerName} or URL parameter "arg".`)
  try {
    // A header has no letters beyond ASCII; they are escaped as JSON does it.
    if (!/^[\x20-\x7e]*$/.test(text)) throw new SyntaxError('not ASCII')
    return JSON.parse(text)
  } catch {
    throw badInput(route, `${headerName}: could not decode input as JSON`)
  }
}

/** The upload session that a request is for, if it is one: no `Call` is open yet. */
export function sessionIn(header: string | string[] | undefined): string | undefined {
  const cursor = z.object({ cursor: z.object({ session_id: z.string() }) })
  try {
    return cursor.safeParse(JSON.parse(String(header))).data?.cursor.session_id
  } catch {
    return undefined
  }
}
