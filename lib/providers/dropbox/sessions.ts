import type { Clock } from '../../clock.ts'
import { chunkSize } from '../../contract/limits.ts'
import { ServiceError } from '../../errors.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import type { FailedAnswer } from '../../net/provider-http.ts'
import { parseJson, readJson, readText } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import type { Sessions, UploadProgress, UploadSession } from '../../storage/driver.ts'
import { PlaceTaken } from '../../storage/free-name.ts'
import type { DropboxApi } from './api.ts'
import { tagsOf } from './errors.ts'
import { placeError, placeOf } from './placement.ts'
import type { DropboxSession } from './wire.ts'
import { metadataSchema, offsetSchema, sessionSchema, toEntry } from './wire.ts'

/** https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-start */
const sessionLifetimeMs = 7 * 24 * 60 * 60 * 1000

export interface DropboxParts {
  readonly api: DropboxApi
  readonly folder: string | undefined
  readonly clock: Clock
  readonly errorOf: (answer: FailedAnswer) => ServiceError
}

// Lost answers. Of a start: a session that nobody knows, which holds nothing and ends by itself. Of a
// fragment: the next request is told where the session is. Of a finish: from then on the session is closed or
// not found, which is `gone`, and whoever sent it looks at the place. Where all bytes came and no file was
// made of them, as after a refusal, the session stands at its end, and is finished with an empty body.

/** Dropbox's upload sessions, in order. Their text has what `finish` needs, which names the place first. */
export function dropboxSessions(parts: DropboxParts): Sessions {
  const { api, clock, errorOf } = parts

  const finished = async (session: DropboxSession, answer: HttpResponse): Promise<UploadProgress> => {
    if (answer.status !== 409)
      return { state: 'done', entry: toEntry(await readJson(answer, metadataSchema)) }
    return await refused(session, answer, undefined)
  }

  /** What a 409 says: where the session is, that it is over, or why no file could be made of it. */
  const refused = async (
    session: DropboxSession,
    { status, headers, body }: HttpResponse,
    whole: { readonly total: number; readonly signal: AbortSignal | undefined } | undefined,
  ): Promise<UploadProgress> => {
    const text = await readText(body, 64 * 1024)
    const tags = tagsOf(text)
    const place = offsetSchema.safeParse(parseJson(text)).data?.error
    if (place !== undefined) {
      const offset = 'correct_offset' in place ? place.correct_offset : place.lookup_failed.correct_offset
      if (offset !== whole?.total) return { state: 'open', offset }
      return await finished(session, await api.finish(session, offset, undefined, whole.signal))
    }
    if (tags.at(-1) === 'closed' || (tags.at(-1) === 'not_found' && !tags.includes('path')))
      return { state: 'gone' }
    throw placeError(session, errorOf({ operation: 'upload.finish', method: 'POST', status, headers, text }))
  }

  return {
    mode: 'fragments',
    fragmentBytes: chunkSize,

    async begin(plan, { signal } = {}): Promise<UploadSession> {
      const commit = await placeOf(parts, plan, signal)
      // The end would be refused, too, but only once all the bytes are there.
      if (commit.over === 'new' && (await api.find(commit.path, signal))) throw new PlaceTaken()
      const session: DropboxSession = { ...commit, id: await api.start(signal) }
      return {
        url: secret(JSON.stringify(session)),
        expiresAt: clock.now() + sessionLifetimeMs,
        ...(typeof commit.over === 'object' ? { conditional: true as const } : {}),
      }
    },

    async send(opened, { body, offset, total }, { signal } = {}) {
      const session = parseSession(opened)
      const isLast = offset + body.size === total
      const answer = isLast
        ? await api.finish(session, offset, body, signal)
        : await api.append(session.id, offset, body, signal)
      if (answer.status === 409) return await refused(session, answer, { total, signal })
      if (isLast) return await finished(session, answer)
      await readText(answer.body, 1024)
      return { state: 'open', offset: offset + body.size }
    },

    // There is no call that tells: nothing is appended at the end, and the answer says where that is.
    async ask(opened, total, { signal } = {}) {
      const session = parseSession(opened)
      const answer = await api.append(session.id, total, undefined, signal)
      if (answer.status === 409) return await refused(session, answer, { total, signal })
      await readText(answer.body, 1024)
      return await finished(session, await api.finish(session, total, undefined, signal))
    },

    // No call ends one: it holds neither a name nor space, and is gone after seven days.
    cancel: () => Promise.resolve(),
  }
}

function parseSession({ url }: UploadSession): DropboxSession {
  const parsed = sessionSchema.safeParse(parseJson(url.reveal()))
  if (parsed.success) return parsed.data
  throw new ServiceError('internal_error', 'The stored upload session is not one of Dropbox.')
}
