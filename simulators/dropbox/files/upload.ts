import type { DropboxState } from '../state.ts'
import { SESSION_LIFETIME } from '../state.ts'
import * as args from './arguments.ts'
import { openCall } from './call.ts'
import type { Arrived } from './commit.ts'
import { commitContent } from './commit.ts'
import { refused, tagged } from './errors.ts'
import { fileMetadata } from './metadata.ts'
import type { Exchange } from '../../kernel/exchange.ts'
import { Refusal } from '../../kernel/exchange.ts'

/** https://github.com/dropbox/dropbox-api-spec: a request's content, at most. */
export const MAX_REQUEST = 150 * 1024 * 1024

export const WRITE = 'files.content.write'

/** `files/upload`: a file in one request. */
export async function upload(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'upload', WRITE, args.upload)
  if ((x.contentLength ?? 0) > MAX_REQUEST) throw refused('payload_too_large')
  const blob = newBlob(state)
  const size = await state.blobs.write(blob, 0, x.body)
  // A request that breaks off makes no file.
  if (x.broken || (x.contentLength !== undefined && size !== x.contentLength)) {
    await state.blobs.delete(blob)
    return x.send(400, {})
  }
  const arrived = await arrivedIn(state, blob, x.rewrites(arg.path))
  if (arg.content_hash !== undefined && arg.content_hash !== arrived.contentHash)
    throw refused('content_hash_mismatch')
  try {
    const entry = commitContent(state, folder, arg, arrived)
    if (entry.content?.blob !== blob) await state.blobs.delete(blob)
    if (entry.content !== undefined) await x.json(200, fileMetadata(state, entry, entry.content))
  } catch (error) {
    throw error instanceof Refusal
      ? withSession(state, folder.account.email, folder.clientId, error, arrived)
      : error
  }
}

/** What a finished blob is; `rewritten` bytes are added by a provider that rewrites files. */
export async function arrivedIn(state: DropboxState, blob: string, rewritten = 0): Promise<Arrived> {
  const size = await state.blobs.grow(blob, rewritten)
  const { sha256 = '', contentHash = '' } = await state.blobs.digests(blob)
  return { blob, size, sha256, contentHash }
}

export function newBlob(state: DropboxState): string {
  return `c${state.random.bytes(16).toString('hex')}`
}

/**
 * What could not be saved can be finished as an upload session. The reason has a name of its own here, where
 * other routes have the tag's: https://github.com/looker-open-source/actions/issues/3
 */
function withSession(
  state: DropboxState,
  account: string,
  clientId: string,
  { status, body }: Refusal,
  arrived: Arrived,
): Refusal {
  const summary = String((body as { error_summary?: unknown }).error_summary)
  const [, ...reason] = summary.replace(/\/\.*$/, '').split('/')
  const id = `pid_upload_session:${state.random.text(50)}`
  const expiresAt = state.clock.now() + SESSION_LIFETIME
  const session = { id, account, clientId, received: arrived.size, closed: false, done: false, expiresAt }
  state.sessions.put(id, session)
  void state.blobs.copy(arrived.blob, sessionBlob(id)).then(() => state.blobs.delete(arrived.blob))
  const error = { '.tag': 'path', reason: tagged(reason.join('/')), upload_session_id: id }
  return new Refusal(status, { error_summary: summary, error })
}

/** The blob that a session's bytes go to. */
export function sessionBlob(id: string): string {
  return `s${id.slice(id.indexOf(':') + 1)}`
}
