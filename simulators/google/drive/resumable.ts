import { Readable } from 'node:stream'
import type { Exchange } from '../../kernel/exchange.ts'
import type { DriveFile, GoogleState, UploadSession } from '../state.ts'
import { ensureAccount } from '../state.ts'
import { liveAccess } from '../oauth/grants.ts'
import type { Caller } from './access.ts'
import { bearerOf } from './access.ts'
import { finishedContent } from './content.ts'
import { parseContentRange } from './content-range.ts'
import { driveError, invalidCredentials } from './errors.ts'
import { answerFile } from './resource.ts'
import { liveSession, sessionBlob, sessionRequest } from './sessions.ts'
import { commitUpload } from './upload-target.ts'

const UNIT = 262_144
const SMALL_CHUNK = (bytes: number): string =>
  `Invalid request.  The number of bytes uploaded is required to be equal or greater than ${UNIT}, except for the final request (it's recommended to be the exact multiple of ${UNIT}).  The received request contained ${bytes} bytes, which does not meet this requirement.`
const GAP = (offset: number, have: number): string =>
  `Invalid request.  According to the Content-Range header, the upload offset is ${offset} byte(s), which exceeds already uploaded size of ${have} byte(s).`
const TOTAL_CHANGED = (given: number, before: number): string =>
  `Invalid request.  According to the Content-Range header, the final size of the upload is ${given} byte(s), which does not match the expected size of ${before} byte(s).`

/** Takes the requests to session addresses. */
export interface ResumableUploads {
  handle(x: Exchange): Promise<void>
  /** `DELETE`: gives the session up. */
  cancel(x: Exchange): Promise<void>
}

interface Uploads {
  state: GoogleState
  /** sessions being finished: whoever asks meanwhile gets the same file */
  finishing: Map<string, Promise<DriveFile>>
}

/**
 * The session protocol: fragments (one at a time for each session), status queries, finalising.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable
 */
export function resumableUploads(state: GoogleState): ResumableUploads {
  const running = new Map<string, { x: Exchange; done: Promise<void> }>()
  const uploads: Uploads = { state, finishing: new Map() }
  return {
    async handle(x) {
      const id = x.url.searchParams.get('upload_id') ?? ''
      const bytes = sendsBytes(x)
      const before = running.get(id)
      if (before !== undefined && (bytes || before.x.broken)) {
        // A client that sends again has given the earlier request up,
        // whether or not its end was noticed here.
        const { req, res } = before.x
        if (!res.writableEnded && req.socket !== x.req.socket) req.socket.destroy()
        await before.done
      }
      const work = handleOne(uploads, x, id)
      if (!bytes) return work
      const entry = { x, done: work.catch(() => undefined) }
      running.set(id, entry)
      await entry.done
      if (running.get(id) === entry) running.delete(id)
      await work
    },
    async cancel(x) {
      const session = liveSession(state, x.url.searchParams.get('upload_id') ?? '')
      if (session === undefined || session.state === 'done') {
        throw driveError(404, 'notFound', { message: 'Upload session not found or expired.' })
      }
      x.account = session.account
      state.sessions.put(session.id, { ...session, state: 'ended' })
      await state.blobs.delete(sessionBlob(session))
      // Undocumented for Drive; Cloud Storage, the same front end, answers so.
      // https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload
      await x.json(499, {})
    },
  }
}

/** Whether the request carries a fragment (the empty finaliser and the status query do not). */
export function sendsBytes(x: Pick<Exchange, 'req'>): boolean {
  return parseContentRange(x.req.headers['content-range'])?.kind !== 'status'
}

async function handleOne(uploads: Uploads, x: Exchange, id: string): Promise<void> {
  const { state } = uploads
  const bearer = bearerOf(x)
  // The address alone is enough; but a bearer that comes along must be a live one.
  if (bearer !== undefined && liveAccess(state, bearer) === undefined) throw invalidCredentials()
  const session = liveSession(state, id)
  if (session === undefined)
    throw driveError(404, 'notFound', { message: 'Upload session not found or expired.' })
  x.account = session.account
  // `fields` and the rest were settled when the session was opened.
  for (const [name, value] of new URLSearchParams(session.query)) x.url.searchParams.set(name, value)
  const caller: Caller = {
    account: ensureAccount(state, session.account),
    project: session.project,
    everything: true,
    write: true,
    content: true,
    appData: true,
  }
  if (session.state === 'done') return answerDone(state, caller, x, session)
  const range = parseContentRange(x.req.headers['content-range'])
  if (range === undefined) return x.text(400, 'Failed to parse Content-Range header.')
  const stated = range.kind === 'none' ? x.contentLength : range.total
  if (stated !== undefined && session.total !== undefined && stated !== session.total) {
    return x.text(400, TOTAL_CHANGED(stated, session.total))
  }
  const found = await recovered(state, session)
  const current = stated === undefined ? found : { ...found, total: stated }
  if (range.kind === 'status') {
    if (current.total === current.received) return finish(uploads, caller, x, current)
    state.sessions.put(id, current)
    return incomplete(x, current.received)
  }
  const span =
    range.kind === 'none'
      ? { first: 0, length: x.contentLength, final: true }
      : { first: range.first, length: range.last - range.first + 1, final: range.last + 1 === range.total }
  if (x.contentLength !== undefined && span.length !== x.contentLength) {
    return x.text(400, 'Invalid request.  The Content-Range header does not match the length of the body.')
  }
  if (span.first > current.received) return x.text(503, GAP(span.first, current.received))
  if (!span.final && (span.length ?? 0) < UNIT) return x.text(400, SMALL_CHUNK(span.length ?? 0))
  const after = await keep(state, x, current, span)
  if (x.broken) return
  // A body of unknown length says by its end how long it was.
  const total = after.total ?? (x.keepBytes === undefined && span.final ? after.received : undefined)
  if (span.final && total === after.received) return finish(uploads, caller, x, { ...after, total })
  await incomplete(x, after.received)
}

interface Span {
  first: number
  length: number | undefined
  final: boolean
}

/**
 * Writes the new part of a fragment and records how far the session
 * is; what was there before stays untouched.
 */
async function keep(
  state: GoogleState,
  x: Exchange,
  session: UploadSession,
  span: Span,
): Promise<UploadSession> {
  const overlap = session.received - span.first
  const fresh = span.length === undefined ? undefined : span.length - overlap
  if (fresh !== undefined && fresh <= 0) return session
  const source = overlap === 0 ? x.body : Readable.from(skipping(x.body, overlap))
  // Of a fragment that is not the last, or that broke off, only whole multiples of 256 KiB are kept.
  const unit = x.keepBytes === undefined ? UNIT : 1
  const granularity =
    span.final && fresh === undefined ? undefined : { unit, expected: span.final ? fresh : undefined }
  const blob = sessionBlob(session)
  let written = await state.blobs.write(blob, session.received, source, fresh, granularity)
  if (granularity === undefined && x.broken) {
    written -= (session.received + written) % UNIT
    await state.blobs.truncate(blob, session.received + written)
  }
  const after = { ...session, received: session.received + written }
  // The session may have been ended while its bytes were on their way.
  if (state.sessions.get(session.id)?.state === 'open') state.sessions.put(session.id, after)
  return after
}

/** After a restart the disk may hold more than was recorded: whole units of that count as received. */
async function recovered(state: GoogleState, session: UploadSession): Promise<UploadSession> {
  const size = await state.blobs.size(sessionBlob(session))
  const units = size - (size % UNIT)
  return units > session.received ? { ...session, received: units } : session
}

async function finish(uploads: Uploads, caller: Caller, x: Exchange, session: UploadSession): Promise<void> {
  const { state, finishing } = uploads
  if (liveSession(state, session.id)?.state === 'done') return answerDone(state, caller, x, session)
  const known = finishing.get(session.id)
  const file = known ?? complete(state, caller, x, session).finally(() => finishing.delete(session.id))
  if (known === undefined) finishing.set(session.id, file)
  await answerFile(state, caller, x, await file)
}

async function complete(
  state: GoogleState,
  caller: Caller,
  x: Exchange,
  session: UploadSession,
): Promise<DriveFile> {
  const blob = sessionBlob(session)
  if (session.received === 0) await state.blobs.write(blob, 0, Readable.from([]))
  const content = await finishedContent(state, blob, x.rewrites(session.name))
  const settle = (end: Pick<UploadSession, 'state' | 'result'>): void =>
    state.sessions.put(session.id, { ...session, ...end })
  try {
    return await commitUpload(state, caller, sessionRequest(session), content, (file) =>
      settle({ state: 'done', result: file.id }),
    )
  } catch (error) {
    settle({ state: 'ended' })
    throw error
  }
}

function answerDone(state: GoogleState, caller: Caller, x: Exchange, { id }: UploadSession): Promise<void> {
  const file = state.files.get(state.sessions.get(id)?.result ?? '')
  if (file === undefined)
    throw driveError(404, 'notFound', { message: 'Upload session not found or expired.' })
  return answerFile(state, caller, x, file)
}

/**
 * 308 with what is safe; no `Range` at all when that is nothing.
 * Stacks that insist on following 308 get a 200.
 */
function incomplete(x: Exchange, received: number): Promise<void> {
  const range: Record<string, string> = received === 0 ? {} : { range: `bytes=0-${received - 1}` }
  if (x.req.headers['x-guploader-no-308'] === 'yes') {
    return x.send(200, { ...range, 'x-http-status-code-override': '308' })
  }
  return x.send(308, range, undefined, 'Resume Incomplete')
}

async function* skipping(source: Readable, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    const piece: Buffer = chunk.subarray(Math.min(left, chunk.length))
    left -= chunk.length - piece.length
    if (piece.length > 0) yield piece
  }
}
