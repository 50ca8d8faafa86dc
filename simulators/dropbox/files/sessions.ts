import { Readable } from 'node:stream'
import type { Exchange } from '../../kernel/exchange.ts'
import { Refusal } from '../../kernel/exchange.ts'
import type { DropboxState, Entry, UploadSession } from '../state.ts'
import { SESSION_LIFETIME } from '../state.ts'
import * as args from './arguments.ts'
import { BLOCK } from '../content-hash.ts'
import type { Call } from './call.ts'
import { openCall } from './call.ts'
import { commitContent } from './commit.ts'
import { refused, tagged } from './errors.ts'
import { fileMetadata } from './metadata.ts'
import { arrivedIn, MAX_REQUEST, newBlob, sessionBlob, WRITE } from './upload.ts'

/** 2^41 - 2^22, the largest file. */
const MAX_FILE = 2 ** 41 - 2 ** 22

/** `files/upload_session/start` */
export async function startSession(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'upload', WRITE, args.start)
  requireSmall(x, '')
  const concurrent = arg.session_type === 'concurrent'
  if (concurrent && (x.contentLength ?? 0) > 0) throw refused('concurrent_session_data_not_allowed')
  if (concurrent && arg.close) throw refused('concurrent_session_close_not_allowed')
  const id = `pid_upload_session:${state.random.text(50)}`
  const received = await state.blobs.write(sessionBlob(id), 0, x.body)
  if (x.broken) return x.send(400, {})
  state.sessions.put(id, {
    id,
    account: folder.account.email,
    clientId: folder.clientId,
    received,
    closed: arg.close,
    ...(concurrent ? { pieces: [] } : {}),
    expiresAt: state.clock.now() + SESSION_LIFETIME,
    done: false,
  })
  await x.json(200, { session_id: id })
}

/** `files/upload_session/append_v2`: answers nothing but that all of it was taken. */
export async function appendToSession(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'upload', WRITE, args.append)
  requireSmall(x, '')
  const session = liveSession(state, folder.account.email, arg.cursor.session_id, '')
  // Whoever asks after a session that was finished hears that it is closed.
  if (session.closed) throw refused('closed')
  if (session.pieces !== undefined) await appendPiece(state, x, session, arg.cursor.offset, arg.close)
  else await take(state, x, session, arg.cursor.offset, '', arg.close)
  if (!x.broken) await x.json(200, null)
}

/** `files/upload_session/finish`: takes what is left, and makes the file. */
export async function finishSession(state: DropboxState, x: Exchange): Promise<void> {
  const call = await openCall(state, x, 'upload', WRITE, args.finish)
  const { folder, arg } = call
  requireSmall(x, '')
  const prefix = 'lookup_failed/'
  const session = liveSession(state, folder.account.email, arg.cursor.session_id, prefix)
  const whole =
    session.pieces === undefined
      ? await take(state, x, session, arg.cursor.offset, prefix)
      : await joined(state, x, session)
  if (x.broken) return
  const entry = await commitSession(call, arg.commit, whole)
  if (entry.content !== undefined) await x.json(200, fileMetadata(state, entry, entry.content))
}

/** `files/upload_session/finish_batch_v2`: many sessions, each closed before, and what becomes of each. */
export async function finishSessions(state: DropboxState, x: Exchange): Promise<void> {
  const call = await openCall(state, x, 'rpc', WRITE, args.finishBatch)
  const entries: unknown[] = []
  for (const { cursor, commit } of call.arg.entries) {
    try {
      const { email } = call.folder.account
      const session = liveSession(state, email, cursor.session_id, 'lookup_failed/')
      if (!session.closed) throw refused('lookup_failed/not_closed')
      if (session.received !== cursor.offset) throw wrongOffset('lookup_failed/', session.received)
      const entry = await commitSession(call, commit, session)
      if (entry.content !== undefined)
        entries.push({ '.tag': 'success', ...fileMetadata(state, entry, entry.content) })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      entries.push({ '.tag': 'failure', failure: (error.body as { error: unknown }).error })
    }
  }
  await x.json(200, { entries })
}

async function commitSession(
  { state, x, folder }: Call<unknown>,
  commit: args.Commit,
  session: UploadSession,
): Promise<Entry> {
  const arrived = await arrivedIn(state, sessionBlob(session.id), x.rewrites(commit.path))
  const blob = newBlob(state)
  await state.blobs.copy(arrived.blob, blob)
  let entry: Entry
  try {
    entry = state.store.transaction(() => {
      const made = commitContent(state, folder, commit, { ...arrived, blob })
      state.sessions.put(session.id, { ...session, closed: true, done: true })
      return made
    })
  } catch (error) {
    // The data stays in the session: it can be finished elsewhere, with an empty body.
    await state.blobs.delete(blob)
    throw error
  }
  await state.blobs.delete(sessionBlob(session.id))
  if (entry.content?.blob !== blob) await state.blobs.delete(blob)
  return entry
}

/** Forgets open sessions: all of them, as the control API wants it. */
export function endSessions(state: DropboxState): void {
  for (const session of state.sessions.all())
    state.sessions.put(session.id, { ...session, expiresAt: state.clock.now() })
}

function requireSmall(x: Exchange, prefix: string): void {
  if ((x.contentLength ?? 0) > MAX_REQUEST) throw refused(`${prefix}payload_too_large`)
}

/** A session that can be asked for; one that was finished is not found by `finish`. */
function liveSession(state: DropboxState, account: string, id: string, prefix: string): UploadSession {
  const session = state.sessions.get(id)
  const isLive = session?.account === account && state.clock.now() < session.expiresAt
  if (session === undefined || !isLive || (session.done && prefix !== '')) throw refused(`${prefix}not_found`)
  return session
}

function wrongOffset(prefix: string, received: number) {
  const tags = `${prefix}incorrect_offset`
  return refused(tags, tagged(tags, { correct_offset: received }))
}

/**
 * Appends the body. Of one that broke off nothing is kept; the `partial` fault keeps what it says, and then
 * the next offset is another one than the client thinks.
 */
async function take(
  state: DropboxState,
  x: Exchange,
  session: UploadSession,
  offset: number,
  prefix: string,
  close = false,
): Promise<UploadSession> {
  if (offset !== session.received) throw wrongOffset(prefix, session.received)
  if (offset + (x.contentLength ?? 0) > MAX_FILE) throw refused(`${prefix}too_large`)
  const blob = sessionBlob(session.id)
  const written = await state.blobs.write(blob, offset, x.body)
  if (x.broken) {
    await state.blobs.truncate(blob, offset)
    return session
  }
  const short = x.keepBytes !== undefined && written < (x.contentLength ?? written)
  const after = { ...session, received: offset + written, closed: session.closed || (close && !short) }
  // The session may have been ended while its bytes were on their way.
  if (state.sessions.get(session.id)?.done === false) state.sessions.put(session.id, after)
  if (short) throw wrongOffset(prefix, after.received)
  return after
}

/** A piece of a concurrent session, in any order. */
async function appendPiece(
  state: DropboxState,
  x: Exchange,
  session: UploadSession,
  offset: number,
  close: boolean,
): Promise<void> {
  if (offset % BLOCK !== 0) throw refused('concurrent_session_invalid_offset')
  if (!close && (x.contentLength ?? 0) % BLOCK !== 0) throw refused('concurrent_session_invalid_data_size')
  const blob = newBlob(state)
  const size = await state.blobs.write(blob, 0, x.body)
  if (x.broken) return
  state.store.transaction(() => {
    const now = state.sessions.get(session.id) ?? session
    const others = (now.pieces ?? []).filter((piece) => piece.offset !== offset)
    const pieces = [...others, { offset, size, blob }].toSorted((a, b) => a.offset - b.offset)
    state.sessions.put(session.id, { ...now, pieces, closed: now.closed || close })
  })
}

/** The pieces of a concurrent session as one; refuses what has gaps or was not closed. */
async function joined(state: DropboxState, x: Exchange, session: UploadSession): Promise<UploadSession> {
  if ((x.contentLength ?? 0) > 0) throw refused('concurrent_session_data_not_allowed')
  if (!session.closed) throw refused('concurrent_session_not_closed')
  let received = 0
  for (const { offset, size } of session.pieces ?? []) {
    if (offset !== received) throw refused('concurrent_session_missing_data')
    received += size
  }
  const blobs = (session.pieces ?? []).map(({ blob }) => blob)
  await state.blobs.write(sessionBlob(session.id), 0, Readable.from(contentsOf(state, blobs)))
  return { ...session, received }
}

async function* contentsOf(state: DropboxState, blobs: string[]): AsyncGenerator<Buffer> {
  for (const blob of blobs) yield* state.blobs.read(blob)
}
