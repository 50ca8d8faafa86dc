import type { Exchange } from '../../kernel/exchange.ts'
import type { GoogleState, UploadSession } from '../state.ts'
import type { Caller } from './access.ts'
import { requireSpace } from './content.ts'
import { invalidParameter } from './errors.ts'
import { readBody } from './files.ts'
import type { FileBody } from './metadata.ts'
import { parseBody } from './metadata.ts'
import { isNative } from './resource.ts'
import type { UploadRequest } from './upload-target.ts'
import { prepareUpload } from './upload-target.ts'

const WEEK = 7 * 86_400_000

/**
 * Opens a resumable session and answers its address, which is a bearer capability and lives one week.
 * Query options of this request apply to the final answer.
 */
export async function openSession(
  state: GoogleState,
  caller: Caller,
  x: Exchange,
  fileId: string | undefined,
): Promise<void> {
  endSessions(state, 'expired')
  const { headers } = x.req
  const body = await readBody(x)
  const announced = headers['x-upload-content-length']
  const total = announced === undefined ? undefined : Number(announced)
  if (total !== undefined && !Number.isSafeInteger(total)) throw invalidParameter('X-Upload-Content-Length')
  const mediaType = headers['x-upload-content-type']
  const mimeType = typeof mediaType === 'string' ? mediaType : undefined
  const request = { fileId, body, mediaType: mimeType, query: x.url.searchParams }
  const { file, replaced } = prepareUpload(state, caller, request)
  requireSpace(state, caller, total ?? 0, replaced)
  const now = state.clock.now()
  // The id is fixed here, so that whatever happens to the answer of the last fragment, there is one file.
  const metadata: FileBody =
    fileId === undefined && !isNative(file.mimeType) ? { ...body, id: file.id } : body
  const session: UploadSession = {
    id: `AHmUCY${state.random.text(64)}`,
    account: caller.account.email,
    project: caller.project,
    metadata,
    query: x.url.searchParams.toString(),
    name: file.name,
    received: 0,
    createdAt: now,
    expiresAt: now + WEEK,
    state: 'open',
    ...(fileId === undefined ? {} : { fileId }),
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(total === undefined ? {} : { total }),
  }
  state.sessions.put(session.id, session)
  const address = new URL(x.url.pathname, x.origin)
  for (const [name, value] of x.url.searchParams) {
    if (name !== 'access_token') address.searchParams.append(name, value)
  }
  address.searchParams.set('upload_id', session.id)
  await x.send(200, {
    location: address.href,
    'x-guploader-uploadid': session.id,
    server: 'UploadServer',
    'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
  })
}

/** Whether the address is that of a session; requests to it carry fragments, whatever else the query says. */
export function isSessionAddress(url: URL): boolean {
  return url.searchParams.has('upload_id')
}

/** The blob that a session's bytes go to. */
export function sessionBlob(session: UploadSession): string {
  return `s${session.id}`
}

/** The request that the session was opened with. */
export function sessionRequest(session: UploadSession): UploadRequest {
  return {
    fileId: session.fileId,
    body: parseBody(session.metadata),
    mediaType: session.mimeType,
    query: new URLSearchParams(session.query),
  }
}

/** The session while it is known and alive; finished ones are, until their week is over. */
export function liveSession(state: GoogleState, id: string): UploadSession | undefined {
  const session = state.sessions.get(id)
  if (session === undefined || session.state === 'ended') return undefined
  return state.clock.now() < session.expiresAt ? session : undefined
}

/** Ends open sessions and drops their bytes: all of them, or those whose week is over. */
export function endSessions(state: GoogleState, which: 'all' | 'expired'): void {
  for (const session of state.sessions.where('state', 'open')) {
    if (which === 'expired' && session.expiresAt > state.clock.now()) continue
    state.sessions.put(session.id, { ...session, state: 'ended' })
    // Unfinished data never was a file; that it is still there for a moment disturbs nobody.
    void state.blobs.delete(sessionBlob(session))
  }
}
