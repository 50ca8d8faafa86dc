import type { IncomingMessage } from 'node:http'
import type { Exchange } from '../../kernel/exchange.ts'
import { driveItem } from '../drive/drive-item.ts'
import { graphError, sessionNotFound } from '../graph/errors.ts'
import { headerOf, itemView } from '../graph/call.ts'
import { checkLink, contentOrigin, hasContentHost } from '../drive/links.ts'
import type { Stored } from '../drive/operations.ts'
import { assertSpace, freshAccount } from '../drive/operations.ts'
import type { Context, UploadSession } from '../drive/records.ts'
import { childNamed } from '../drive/tree.ts'
import { commitSession } from './commit.ts'
import type { ByteRange } from './rules.ts'
import { assertFragment, nextExpiry, parseContentRange, sessionStatus } from './rules.ts'

/** The path of every upload URL; the session and its credential are in the query. */
export const UPLOAD_PATH = /^\/_api\/v2\.0\/drives\/[^/]+\/uploadSession$/u

const DAY = 86_400_000

/** The session that a request sends a fragment to, for faults that count fragments. */
export function fragmentOf(req: IncomingMessage, url: URL): string | undefined {
  if (req.method !== 'PUT' || !UPLOAD_PATH.test(url.pathname)) return undefined
  return url.searchParams.get('guid') ?? undefined
}

/**
 * The handlers of upload URLs, with what they keep in memory: which sessions are being written at the moment.
 */
export function uploadHandlers(context: Context) {
  const writing = new Map<string, { x: Exchange; done: Promise<void> }>()

  return {
    /** `PUT`: one fragment. 202 while more is to come, then 201 for a new file or 200 for a new version. */
    async put(x: Exchange): Promise<void> {
      const id = openSession(context, x).id
      for (let other = writing.get(id); other !== undefined; other = writing.get(id)) {
        if (!other.x.req.socket.destroyed) {
          throw graphError(
            416,
            'invalidRange',
            'The fragment was written by another request.',
            'fragmentRowCountCheckFailed',
          )
        }
        // A client that lost its connection and came back at once is not a second writer.
        await other.done
      }
      const work = putFragment(context, x, openSession(context, x))
      const settled = () => {
        writing.delete(id)
      }
      writing.set(id, { x, done: work.then(settled, settled) })
      await work
    },

    /** `GET`: what has arrived. */
    async get(x: Exchange): Promise<void> {
      await x.json(200, sessionStatus(openSession(context, x)))
    },

    /** `DELETE`: gives the session up, and with it the name. */
    async cancel(x: Exchange): Promise<void> {
      const session = openSession(context, x)
      context.tables.sessions.delete(session.id)
      await context.blobs.delete(session.blob)
      await x.send(204, {})
    },

    /**
     * `POST` with an empty body: commits a deferred session. Work
     * accounts only; personal ones use `sourceUrl`.
     */
    async commit(x: Exchange): Promise<void> {
      const session = openSession(context, x)
      if (freshAccount(context, session.account).kind === 'personal') {
        throw graphError(
          405,
          'notAllowed',
          'Commit with a PUT to the item that names this URL as its sourceUrl.',
        )
      }
      if (session.received !== session.total) {
        throw graphError(400, 'invalidRequest', 'The upload session has not received all of its bytes.')
      }
      await answerStored(context, x, session, await commitSession(context, session))
    },
  }
}

/**
 * The session behind the URL. 401 for a bearer or an outlived
 * credential, 404 when expired, cancelled or finished.
 */
function openSession(context: Context, x: Exchange): UploadSession {
  const id = x.url.searchParams.get('guid') ?? ''
  const link = checkLink(context.secret, `upload:${id}`, x.url.searchParams.get('tempauth') ?? '')
  const bearer = x.req.headers.authorization !== undefined
  if (!link.valid || (bearer && hasContentHost(x.origin))) {
    throw graphError(401, 'unauthenticated', 'The caller is not authenticated.', 'invalidToken')
  }
  const now = context.clock.now()
  if (link.expiresAt > 0 && link.expiresAt <= now) {
    const [from, to] = [link.expiresAt - DAY, link.expiresAt].map((time) => new Date(time).toISOString())
    const message = `The access token has expired. It's valid from '${from}' and to '${to}'.`
    throw graphError(401, 'unauthenticated', message, 'expiredToken')
  }
  const session = context.tables.sessions.get(id)
  if (session === undefined || session.expiresAt <= now) throw sessionNotFound()
  x.account = session.account
  return session
}

async function putFragment(context: Context, x: Exchange, session: UploadSession): Promise<void> {
  if (x.contentLength === undefined) {
    throw graphError(411, 'lengthRequired', 'A Content-Length header is required.')
  }
  const fragment = parseContentRange(headerOf(x, 'content-range'))
  assertFragment(session, fragment, x.contentLength)
  const account = freshAccount(context, session.account)
  assertSpace(account, fragment.total, childNamed(context.tables, session.parentId, session.name))

  const written = await context.blobs.write(session.blob, session.received, x.body, x.contentLength)
  if (x.broken) {
    // The bytes of an interrupted request are ignored: what was acknowledged is all there is.
    await context.blobs.truncate(session.blob, session.received)
    return
  }
  await received(context, x, session, fragment, written)
}

async function received(
  context: Context,
  x: Exchange,
  before: UploadSession,
  fragment: ByteRange,
  written: number,
): Promise<void> {
  // Cancelled, or expired by hand, while the bytes were coming in.
  if (context.tables.sessions.get(before.id) === undefined) {
    await context.blobs.delete(before.blob)
    throw sessionNotFound()
  }
  const { kind } = freshAccount(context, before.account)
  const session: UploadSession = {
    ...before,
    total: fragment.total,
    received: before.received + written,
    rewritten: Math.max(before.rewritten ?? 0, x.rewrites(before.name)),
    expiresAt: nextExpiry(kind, before.createdAt, context.clock.now()),
  }
  context.tables.sessions.put(session.id, session)
  if (session.received < fragment.total || session.deferCommit) {
    await x.json(202, sessionStatus(session))
    return
  }
  await answerStored(context, x, session, await commitSession(context, session))
}

async function answerStored(
  context: Context,
  x: Exchange,
  session: UploadSession,
  stored: Stored,
): Promise<void> {
  const account = freshAccount(context, session.account)
  // The answer's own links are as they are on Graph's host, not on this one.
  const view = itemView(context, account, contentOrigin(x.origin))
  await x.json(stored.created ? 201 : 200, driveItem(view, stored.item))
}
