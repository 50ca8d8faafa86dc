import * as z from 'zod/mini'
import { CloudConnectionError, ServiceError } from '../../../lib/errors.ts'
import type { Credentials, PasswordCredentials } from '../../../lib/grants/grant.ts'
import type { ConnectionId, ObjectKey } from '../../../lib/ids.ts'
import { objectKey, userKeyOf } from '../../../lib/ids.ts'
import type { HttpRequest, HttpResponse } from '../../../lib/net/http-client.ts'
import { readJson, readText } from '../../../lib/net/provider-http.ts'
import { reachOf } from '../../../lib/net/reach.ts'
import { meaningsFor, meant } from '../../../lib/providers/meanings.ts'
import type { ProviderDeps } from '../../../lib/providers/provider.ts'
import type { ProviderId } from '../../../lib/providers/registry.ts'
import type { ByteRange } from '../../../lib/storage/bytes.ts'
import { hexDigest, plainContentType, rangeNotSatisfiable } from '../../../lib/storage/bytes.ts'
import type { Driver, ObjectEntry, Plan } from '../../../lib/storage/driver.ts'
import { PlaceTaken } from '../../../lib/storage/free-name.ts'
import { about } from './about.ts'

export type Server = Pick<ProviderDeps, 'send' | 'settings'>
export interface CloudBoxOptions extends Server {
  readonly connectionId: ConnectionId
  readonly credentials: Extract<Credentials, { readonly kind: 'password' }>
}

type Request = Pick<HttpRequest, 'method' | 'headers' | 'body' | 'signal'> & { readonly path: string }

const entryBody = z.object({ size: z.int(), contentType: z.string(), sha256: z.string() })
const usageBody = z.object({ used: z.number() })
const { throttled, full, down, missing, refused } = meaningsFor(about.name)

/** One request with a user's name and app password; an answer of any status. */
export async function ask(
  { send, settings }: Server,
  { serverUrl, userName, password }: PasswordCredentials,
  { path, headers, ...request }: Request,
): Promise<HttpResponse> {
  const basic = Buffer.from(`${userName}:${password.reveal()}`).toString('base64')
  return await send({
    ...request,
    url: `${serverUrl}${path}`,
    headers: { ...headers, authorization: `Basic ${basic}` },
    reach: reachOf(settings),
    timeouts: { connect: 2_000, answer: 5_000, idle: 5_000 },
  })
}

/** Six methods and the space, over a server of the user's own. */
export function cloudBoxDriver(options: CloudBoxOptions): Driver {
  const { connectionId, credentials } = options

  const call = async (request: Request, expected?: number): Promise<HttpResponse> => {
    const used = await credentials.read()
    let answer = await ask(options, used, request)
    if (answer.status === 401) {
      await readText(answer.body, 1024)
      answer = await ask(options, await credentials.renew(used), request)
    }
    if ((answer.status >= 200 && answer.status < 300) || answer.status === expected) return answer
    await readText(answer.body, 1024)
    throw errorOf(connectionId, request, answer)
  }

  const stat: Driver['stat'] = async (key, { signal } = {}) =>
    entryOf(key, await readJson(await call({ method: 'GET', path: `/entries/${key}`, signal }), entryBody))

  const space: Driver['space'] = {
    usage: async ({ signal } = {}) =>
      readJson(await call({ method: 'GET', path: '/quota', signal }), usageBody),
  }

  return {
    provider: about.id as string as ProviderId,
    traits: {
      singleRequestBytes: Number.MAX_SAFE_INTEGER,
      hash: { ...about.hash, start: () => hexDigest('sha256') },
      rewrites: () => false,
    },
    space,
    stat,

    async read(key, range, { signal } = {}) {
      const headers = range ? { range: rangeOf(range) } : {}
      const answer = await call({ method: 'GET', path: `/files/${key}`, headers, signal }, 416)
      const part = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(answer.headers['content-range'] ?? '')
      const announced = Number(answer.headers['content-length'])
      const size = part ? Number(part[3]) : announced
      if (answer.status === 416) {
        await readText(answer.body, 1024)
        throw rangeNotSatisfiable(size)
      }
      const { 'content-type': contentType = '', etag: sha256 = '' } = answer.headers
      const sent = part ? { start: Number(part[1]), end: Number(part[2]) } : 'whole'
      return { entry: entryOf(key, { size, contentType, sha256 }), body: answer.body, sent, announced }
    },

    async write(plan, content, { signal } = {}) {
      const key = keyOf(plan)
      const precondition = plan.target.kind === 'new' ? 'if-none-match' : 'if-match'
      const headers = { 'content-type': plainContentType(plan.contentType), [precondition]: '*' }
      const answer = await call({ method: 'PUT', path: `/files/${key}`, headers, body: content, signal })
      return entryOf(key, await readJson(answer, entryBody))
    },

    async find(plan, { signal } = {}) {
      const key = keyOf(plan)
      const answer = await call({ method: 'GET', path: `/entries/${key}`, signal }, 404)
      if (answer.status !== 404) return entryOf(key, await readJson(answer, entryBody))
      await readText(answer.body, 1024)
      return undefined
    },

    async remove(key, { signal } = {}) {
      await readText((await call({ method: 'DELETE', path: `/files/${key}`, signal })).body, 1024)
    },

    async check(more) {
      await space.usage(more)
    },
  }
}

function keyOf({ userId, target }: Plan): ObjectKey {
  if (target.kind === 'replace') return target.objectKey
  return objectKey(`${userKeyOf(userId)}/${encodeURIComponent(target.file)}`)
}

function entryOf(
  key: ObjectKey,
  { size, contentType, sha256 }: { size: number; contentType: string; sha256: string },
): ObjectEntry {
  const name = decodeURIComponent(key.slice(key.indexOf('/') + 1))
  return { objectKey: key, size, name, contentType, etag: sha256, checksums: { sha256 } }
}

function rangeOf(range: ByteRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end ?? ''}`
}

function errorOf(
  connectionId: ConnectionId,
  { method, headers }: Request,
  answer: HttpResponse,
): ServiceError {
  const { status } = answer
  const context = { connectionId, providerStatus: status }
  if (status === 401) return new CloudConnectionError(connectionId, 'grant_revoked', { context })
  if (status === 412 && headers?.['if-none-match'] !== undefined) return new PlaceTaken(context)
  const others = { 404: missing, 412: missing, 429: throttled, 507: full }
  const meaning = status in others ? others[status as keyof typeof others] : status >= 500 ? down : refused
  return meant(meaning, { context, ambiguous: status >= 500 && status !== 507 && method !== 'GET' })
}
