import type { S3Client } from '@aws-sdk/client-s3'
import type { Clock } from '../../clock.ts'
import { isServiceError } from '../../errors.ts'
import type { DocumentId, Extension, UserId } from '../../ids.ts'
import { objectKey, userKeyOf } from '../../ids.ts'
import type { ObserveCall } from '../../net/provider-http.ts'
import type { Backend, ByteRange, EntryBackend, ObjectContent } from '../../storage/backend.ts'
import { digestOf, hexDigest, isSameContent, openContent, plainContentType } from '../../storage/content.ts'
import { objectBody } from '../../storage/object-body.ts'
import type { ResolvedRange } from '../../storage/range.ts'
import { rangeHeader, rangeNotSatisfiable, resolveRange } from '../../storage/range.ts'
import { sendWhole } from '../../storage/send-whole.ts'
import type { S3Api } from './api.ts'
import { s3Api } from './api.ts'
import { s3Presigning } from './presign.ts'
import { toEntry } from './wire.ts'
import { s3Uploads } from './sessions.ts'

export interface S3Options {
  /** As `s3Client` makes it. */
  readonly client: S3Client
  readonly bucket: string
  readonly clock: Clock
  readonly observe?: ObserveCall | undefined
}

/** Content up to this size goes in one request, with its SHA-256 for S3 to check and to keep. */
const singlePutBytes = 10 * 1024 * 1024

const digests = { sha256: () => hexDigest('sha256') } as const

/** One bucket of S3 or of an S3-compatible server. Its quirks stand in README.md. Callers hold it through the port. */
export function s3Backend({ client, bucket, clock, observe }: S3Options): Backend {
  const api = s3Api({ client, bucket, clock, observe })
  const uploads = s3Uploads(api, ({ userId, documentId, extension, target }) =>
    target ? target.objectKey : keyFor(userId, documentId, extension),
  )

  const putEntry: EntryBackend['putEntry'] = async (
    userId,
    documentId,
    content,
    extension,
    contentType,
    { target, signal } = {},
  ) => {
    const key = target?.objectKey ?? keyFor(userId, documentId, extension)
    const type = plainContentType(contentType)
    try {
      if (content.size <= singlePutBytes) {
        const hash = await digestOf(content, hexDigest('sha256'))
        const sha256 = Buffer.from(hash, 'hex').toString('base64')
        const bytes = { size: content.size, body: openContent(content) }
        const stored = await api.put(key, bytes, type, sha256, signal)
        return toEntry(key, { size: content.size, contentType: type, ...stored })
      }
      const plan = { userId, documentId, extension, contentType, size: content.size }
      return await sendWhole(uploads, { ...plan, ...(target ? { target } : {}) }, content, signal)
    } catch (error) {
      if (!isServiceError(error) || !error.retry.ambiguous || signal?.aborted) throw error
      const head = await api.head(key, signal).catch(ignore)
      const entry = head && toEntry(key, head)
      if (entry && (await isSameContent(entry, content, digests).catch(() => false))) return entry
      throw error
    }
  }

  const statEntry: EntryBackend['statEntry'] = async (key, { signal } = {}) =>
    toEntry(key, await api.head(key, signal))

  const read = async (
    key: string,
    range: ByteRange | undefined,
    signal?: AbortSignal,
  ): Promise<ObjectContent> => {
    const header = range && headerOf(range)
    if (header !== undefined || !range) {
      try {
        return contentOf(await api.get(key, header, signal), range)
      } catch (error) {
        if (!isServiceError(error) || error.context.providerStatus !== 416) throw error
      }
    }
    throw rangeNotSatisfiable((await api.head(key, signal)).size)
  }

  return {
    provider: 's3',
    capabilities: {
      presignedUrls: true,
      reservedKeys: false,
      resumableUploads: true,
      placeholders: false,
      checksum: 'sha256',
      rewrites: () => false,
    },
    ...uploads,
    ...s3Presigning(client, bucket),
    objectKeyFor: (userId, documentId, extension) => objectKey(keyFor(userId, documentId, extension)),
    putEntry,
    statEntry,

    async putObject(...args) {
      return (await putEntry(...args)).objectKey
    },

    getObject: (key, range, { signal } = {}) => read(key, range, signal),

    async statObject(key, options) {
      return (await statEntry(key, options)).size
    },

    deleteObject: (key, { signal } = {}) => api.delete(key, signal),

    async healthCheck({ signal } = {}) {
      return api.ping(signal).then(
        () => true,
        () => false,
      )
    },

    // A bucket has neither a limit nor a cheap answer to how much is in it.
    quota: () => Promise.resolve(undefined),
  }
}

function ignore(): void {}

function keyFor(userId: UserId, documentId: DocumentId, extension: Extension): string {
  return `${userKeyOf(userId)}/${documentId}${extension}`
}

/** Undefined for a range that holds no byte whatever the size: S3 would ignore it and send everything. */
function headerOf(range: ByteRange): string | undefined {
  if ('suffix' in range) return range.suffix > 0 ? `bytes=-${String(range.suffix)}` : undefined
  if (range.end === undefined) return `bytes=${String(range.start)}-`
  return range.end < range.start ? undefined : rangeHeader({ start: range.start, end: range.end })
}

function contentOf(answer: Awaited<ReturnType<S3Api['get']>>, range: ByteRange | undefined): ObjectContent {
  const about = {
    contentType: answer.contentType ?? 'application/octet-stream',
    ...(answer.etag === undefined ? {} : { etag: answer.etag.replaceAll('"', '') }),
  }
  const part = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.contentRange ?? '')
  if (part) {
    const sent = { start: Number(part[1]), end: Number(part[2]) }
    const contentLength = sent.end - sent.start + 1
    const body = objectBody(answer.body, { length: contentLength })
    return { ...about, body, contentLength, size: Number(part[3]), range: sent }
  }
  const { size } = answer
  if (!range) return { ...about, body: objectBody(answer.body, { length: size }), contentLength: size, size }
  // A server that does not know ranges has sent everything.
  const wanted: ResolvedRange = resolveRange(range, size)
  const contentLength = wanted.end - wanted.start + 1
  const body = objectBody(answer.body, { skip: wanted.start, length: contentLength, more: true })
  return { ...about, body, contentLength, size, range: wanted }
}
