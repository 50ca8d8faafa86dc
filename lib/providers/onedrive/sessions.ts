import { chunkSize } from '../../contract/limits.ts'
import { ServiceError } from '../../errors.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import type { Sessions, UploadProgress, UploadSession } from '../../storage/driver.ts'
import { PlaceTaken } from '../../storage/free-name.ts'
import { contentRange } from '../../storage/bytes.ts'
import type { OneDriveParts } from './placement.ts'
import type { Condition } from './api.ts'
import { changedMeanwhile, createAt, overVersion, sessionAddress } from './placement.ts'
import type { SessionProgress } from './wire.ts'
import { itemSchema, progressSchema, toEntry } from './wire.ts'

/**
 * One fragment: a multiple of 320 KiB, under 60 MiB.
 * https://learn.microsoft.com/graph/api/driveitem-createuploadsession
 */
export const CHUNK_SIZE = chunkSize

/** The service may take its time to put a large file together after the last fragment. */
const commitTimeouts = { answer: 120_000 } as const

/**
 * OneDrive's upload sessions. The upload URL is its own credential: a bearer there would be answered with
 * 401.
 */
export function oneDriveSessions(parts: OneDriveParts): Sessions {
  const { http, graph } = parts
  /** Sessions that have not been seen yet by the host that takes their fragments. */
  const fresh = new Set<string>()

  const call = (
    session: UploadSession,
    request: Pick<Parameters<ProviderHttp>[0], 'operation' | 'method' | 'headers' | 'body' | 'signal'>,
  ): Promise<HttpResponse> =>
    http({
      ...request,
      url: session.url.reveal(),
      auth: 'none',
      // A work account's URL carries a token of its own, good for 24 hours, and answers 401 or 403 when it
      // has ended.
      // https://github.com/OneDrive/onedrive-api-docs/issues/1073
      // https://github.com/abraunegg/onedrive/issues/3355
      expect: [401, 403, 404, 409, 410, 412, 416],
      timeouts: commitTimeouts,
    })

  const gone = (session: UploadSession): UploadProgress => {
    if (!fresh.delete(session.url.reveal())) return { state: 'gone' }
    // A session may be unknown for some seconds after it was opened: this is worth one more try.
    throw new ServiceError('provider_unavailable', 'OneDrive does not know the upload yet.', {
      retry: { retryable: true, afterSeconds: 5 },
      context: { providerStatus: 404, retryAfterSeconds: 5 },
    })
  }

  const openProgress = async (
    session: UploadSession,
    { nextExpectedRanges, expirationDateTime }: SessionProgress,
  ): Promise<UploadProgress> => {
    fresh.delete(session.url.reveal())
    const starts = nextExpectedRanges.map((range) => Number.parseInt(range, 10)).filter(Number.isSafeInteger)
    if (starts.length === 0) {
      // All bytes came, but the file was not made of them: this session leads nowhere and holds the name.
      await cancel(session)
      return { state: 'gone' }
    }
    const expiresAt = Date.parse(expirationDateTime ?? '')
    return {
      state: 'open',
      offset: Math.min(...starts),
      ...(Number.isNaN(expiresAt) ? {} : { expiresAt }),
    }
  }

  const query = async (session: UploadSession, signal?: AbortSignal): Promise<UploadProgress> => {
    const response = await call(session, { operation: 'upload.query', method: 'GET', signal })
    if (response.status === 200) return openProgress(session, await readJson(response, progressSchema))
    await readText(response.body, 4096)
    return gone(session)
  }

  const cancel = async (session: UploadSession, signal?: AbortSignal): Promise<void> => {
    fresh.delete(session.url.reveal())
    const response = await call(session, { operation: 'upload.cancel', method: 'DELETE', signal })
    await readText(response.body, 4096)
  }

  return {
    mode: 'fragments',
    fragmentBytes: CHUNK_SIZE,

    async begin({ userId, target }, { signal } = {}) {
      const open = (address: string, condition: Condition): Promise<UploadSession> =>
        graph.openSession(address, condition, signal)
      const session =
        target.kind === 'replace'
          ? await overVersion(target, async (condition) => {
              return await open(await sessionAddress(parts, target.objectKey, signal), condition)
            })
          : await createAt(parts, userId, target.file, (address) => open(address, 'new'), signal)
      fresh.add(session.url.reveal())
      const isConditional = target.kind === 'replace' && target.ifMatch !== undefined
      return isConditional ? { ...session, conditional: true } : session
    },

    async send(session, { body, offset, total }, { signal } = {}) {
      const response = await call(session, {
        operation: 'upload.send',
        method: 'PUT',
        headers: { 'content-range': contentRange(offset, body.size, total) },
        body,
        signal,
      })
      switch (response.status) {
        case 200:
        case 201:
          fresh.delete(session.url.reveal())
          return { state: 'done', entry: toEntry(await readJson(response, itemSchema)) }
        case 202:
          return openProgress(session, await readJson(response, progressSchema))
        case 409:
        case 412: {
          // Whatever has taken a new file's name meanwhile is not ours to write over; an item that was
          // changed meanwhile breaks its session.
          // https://github.com/OneDrive/onedrive-api-docs/issues/1707
          const taken = (await readText(response.body, 4096)).includes('nameAlreadyExists')
          await cancel(session, signal)
          if (taken) throw new PlaceTaken({ providerStatus: response.status })
          if (session.conditional) throw changedMeanwhile()
          return { state: 'gone' }
        }
        case 416:
          // We and the session do not agree on where it stands: its own word counts.
          await readText(response.body, 4096)
          return query(session, signal)
        default:
          await readText(response.body, 4096)
          return gone(session)
      }
    },

    ask: (session, _total, { signal } = {}) => query(session, signal),

    cancel: (session, { signal } = {}) => cancel(session, signal),
  }
}
