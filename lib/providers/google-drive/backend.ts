import type { Clock } from '../../clock.ts'
import { isServiceError, NotSupportedError, ServiceError } from '../../errors.ts'
import type { ConnectionId, ObjectKey } from '../../ids.ts'
import { objectKey } from '../../ids.ts'
import { unreachable, type HttpResponse } from '../../net/http-client.ts'
import type { SendRequest } from '../../net/http-client.ts'
import type { ObserveCall } from '../../net/provider-http.ts'
import { providerHttp } from '../../net/provider-http.ts'
import type { TokenSource } from '../../net/token-source.ts'
import type { Backend, ObjectContent } from '../../storage/backend.ts'
import { objectBody } from '../../storage/object-body.ts'
import type { ResolvedRange } from '../../storage/range.ts'
import { rangeHeader, rangeNotSatisfiable, resolveRange } from '../../storage/range.ts'
import { driveApi } from './api.ts'
import { driveError } from './errors.ts'
import type { FolderSettings } from './folder.ts'
import { driveFolder } from './folder.ts'
import { drivePut } from './put.ts'
import type { ReservedIds } from './reserved-ids.ts'
import { reservedIds } from './reserved-ids.ts'
import type { DriveFile } from './wire.ts'
import { toEntry } from './wire.ts'
import type { DriveParts } from './sessions.ts'
import { driveUploads, findFile } from './sessions.ts'

export interface GoogleDriveOptions {
  readonly connectionId: ConnectionId
  readonly tokens: TokenSource
  readonly clock: Clock
  /** One origin in place of Google's (a simulator). */
  readonly endpoint?: string | undefined
  /** The folder that new files go into; the drive's root when absent. */
  readonly folder?: FolderSettings | undefined
  /** What deleteObject does: the trash lets a user take it back for 30 days, but counts toward the quota meanwhile. */
  readonly deletion?: 'trash' | 'permanent'
  readonly observe?: ObserveCall | undefined
  readonly send?: SendRequest | undefined
  /** The process's; one of its own when absent. */
  readonly reserved?: ReservedIds
}

/** Google Drive v3 for one connection. Its quirks stand in README.md. Callers hold it through the port. */
export function googleDriveBackend(options: GoogleDriveOptions): Backend {
  const { connectionId, tokens, clock, deletion = 'trash', observe, reserved = reservedIds() } = options
  const rootUrl = `${options.endpoint ?? 'https://www.googleapis.com'}/`
  const http = providerHttp({
    provider: 'google-drive',
    tokens,
    clock,
    observe,
    send: options.send,
    mapError: (answer) => driveError(connectionId, answer),
    userAgent: 'Driveway/0.1',
    plainHttp: rootUrl.startsWith('http://'),
  })
  const api = driveApi(http, rootUrl)

  const reserve = (signal?: AbortSignal): Promise<string> => reserved.take(connectionId, api, signal)
  const parts: DriveParts = {
    http,
    api,
    rootUrl,
    clock,
    reserve,
    folder: driveFolder(api, options.folder, reserve),
  }
  const uploads = driveUploads(parts)
  const putEntry = drivePut(parts, uploads)

  const liveFile = async (key: ObjectKey, signal?: AbortSignal): Promise<DriveFile> => {
    const file = await findFile(api, key, signal)
    if (file) return file
    throw new ServiceError('object_missing', 'The file is no longer in the Google Drive.', {
      context: { connectionId },
    })
  }

  const download = (key: ObjectKey, range: ResolvedRange | undefined, signal?: AbortSignal) =>
    http({
      operation: 'files.download',
      method: 'GET',
      url: `${rootUrl}drive/v3/files/${encodeURIComponent(key)}?alt=media&supportsAllDrives=true`,
      headers: range ? { range: rangeHeader(range) } : {},
      expect: [416],
      signal,
    })

  return {
    provider: 'google-drive',
    capabilities: {
      presignedUrls: false,
      reservedKeys: true,
      resumableUploads: true,
      placeholders: false,
      checksum: 'sha256',
      rewrites: () => false,
    },
    ...uploads,
    putEntry,

    async putObject(...args) {
      return (await putEntry(...args)).objectKey
    },

    async getObject(key, range, { signal } = {}) {
      if (range) {
        const file = toEntry(await liveFile(key, signal))
        const wanted = resolveRange(range, file.size)
        return contentOfFile(file, await download(key, wanted, signal), wanted)
      }
      // Content carries neither revision nor trash state, so the file is asked for at the same time.
      const enough = new AbortController()
      const content = download(
        key,
        undefined,
        signal ? AbortSignal.any([signal, enough.signal]) : enough.signal,
      )
      content.catch(ignore)
      try {
        const file = toEntry(await liveFile(key, signal))
        return contentOfFile(file, await content)
      } catch (error) {
        enough.abort()
        throw error
      }
    },

    async statObject(key, { signal } = {}) {
      return toEntry(await liveFile(key, signal)).size
    },

    async statEntry(key, { signal } = {}) {
      return toEntry(await liveFile(key, signal))
    },

    async deleteObject(key, { signal } = {}) {
      try {
        if (deletion === 'permanent') await api.deleteFile(key, signal)
        else await api.updateFile(key, { trashed: true }, signal)
      } catch (error) {
        if (!isServiceError(error, 'object_missing')) throw error
      }
    },

    async presignedGetUrl() {
      throw new NotSupportedError('A presigned download URL', 'getObject')
    },

    async generatePresignedPutUrl() {
      throw new NotSupportedError('A presigned upload URL', 'putObject')
    },

    async healthCheck({ signal } = {}) {
      return api.ping(signal).then(
        () => true,
        () => false,
      )
    },

    quota: ({ signal } = {}) => api.quota(signal),

    reserveObjectKey: async ({ signal } = {}) => objectKey(await reserve(signal)),
  }
}

function ignore(): void {}

function contentOfFile(
  entry: ReturnType<typeof toEntry>,
  response: HttpResponse,
  range?: ResolvedRange,
): ObjectContent {
  const { status, headers, body } = response
  const length = range ? range.end - range.start + 1 : entry.size
  const whole = status === 200
  const announced = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
  if (status === 416) {
    body.resume()
    throw rangeNotSatisfiable(entry.size)
  }
  if (announced !== undefined && announced !== (whole ? entry.size : length)) {
    body.destroy()
    throw unreachable('The file changed while it was being read.', false)
  }
  return {
    body: objectBody(body, whole && range ? { skip: range.start, length, more: true } : { length }),
    contentLength: length,
    size: entry.size,
    contentType: entry.contentType ?? 'application/octet-stream',
    ...(entry.etag === undefined ? {} : { etag: entry.etag }),
    ...(range ? { range } : {}),
  }
}
