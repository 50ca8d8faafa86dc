import { chunkSize } from '../../contract/limits.ts'
import { ServiceError } from '../../errors.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import type { Placeholders, ResumableUploads, UploadProgress, UploadSession } from '../../storage/backend.ts'
import { contentRange } from '../../storage/range.ts'
import { byId } from './names.ts'
import type { OneDriveParts } from './placement.ts'
import { findByPlan, placeholderFor, sessionAddress, writeAtPlace } from './placement.ts'
import type { DriveItem, SessionProgress } from './wire.ts'
import { itemSchema, progressSchema, toEntry } from './wire.ts'

/** One fragment: a multiple of 320 KiB, under 60 MiB. https://learn.microsoft.com/graph/api/driveitem-createuploadsession */
export const CHUNK_SIZE = chunkSize

/** The service may take its time to put a large file together after the last fragment. */
const commitTimeouts = { answer: 120_000 } as const

/** OneDrive's upload sessions. The upload URL is its own credential: a bearer there would be answered with 401. */
export function oneDriveUploads(parts: OneDriveParts): ResumableUploads & Placeholders {
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
      // A work account's URL carries a token of its own, good for 24 hours, and answers 401 when it has ended.
      expect: [401, 404, 410, 416],
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
    uploadMode: 'fragments',
    fragmentBytes: CHUNK_SIZE,

    async beginUpload(plan, { signal } = {}) {
      const existing = (item: DriveItem): Promise<UploadSession> =>
        graph.openSession(sessionAddress(item), false, signal)
      const session = plan.target
        ? await existing(await graph.getItem(byId(plan.target.objectKey), signal))
        : await writeAtPlace(
            parts,
            plan,
            { create: (address) => graph.openSession(address, true, signal), existing },
            signal,
          )
      fresh.add(session.url.reveal())
      return session
    },

    async sendBytes(session, { body, offset, length, total }, { signal } = {}) {
      const response = await call(session, {
        operation: 'upload.send',
        method: 'PUT',
        headers: { 'content-range': contentRange(offset, length, total) },
        body: { length, open: () => body },
        signal,
      })
      switch (response.status) {
        case 200:
        case 201:
          fresh.delete(session.url.reveal())
          return { state: 'done', entry: toEntry(await readJson(response, itemSchema)) }
        case 202:
          return openProgress(session, await readJson(response, progressSchema))
        case 416:
          // We and the session do not agree on where it stands: its own word counts.
          await readText(response.body, 4096)
          return query(session, signal)
        default:
          await readText(response.body, 4096)
          return gone(session)
      }
    },

    queryUpload: (session, _total, { signal } = {}) => query(session, signal),

    cancelUpload: (session, { signal } = {}) => cancel(session, signal),

    createPlaceholder: (plan, { signal } = {}) => placeholderFor(parts, plan, signal),

    async removePlaceholder(key, options = {}) {
      const item = await graph.findItem(byId(key), options.signal)
      if (item?.size !== 0) return
      await graph.deleteItem(key, { ...options, ...(item.eTag === undefined ? {} : { eTag: item.eTag }) })
    },

    async findUploaded(plan, { signal } = {}) {
      const item = await findByPlan(parts, plan, signal)
      return item && toEntry(item)
    },
  }
}
