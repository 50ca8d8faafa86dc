import { createHash } from 'node:crypto'
import { chunkSize } from '../../contract/limits.ts'
import { isServiceError, ServiceError } from '../../errors.ts'
import { parseJson } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import type {
  ObjectEntry,
  ResumableUploads,
  UploadPlan,
  UploadProgress,
  UploadSession,
} from '../../storage/backend.ts'
import { plainContentType } from '../../storage/content.ts'
import type { S3Api, S3Part } from './api.ts'
import type { S3Session } from './wire.ts'
import { sessionSchema, toEntry } from './wire.ts'

/** Part n holds the n-th 10 MiB, so a part's number follows from its offset. */
const partBytes = chunkSize
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const maxParts = 10_000

/** Multipart uploads as sessions: key and upload id in one opaque text, each part acknowledged alone. */
export function s3Uploads(api: S3Api, keyOf: (plan: Omit<UploadPlan, 'size'>) => string): ResumableUploads {
  const finish = async (
    session: S3Session,
    parts: readonly S3Part[],
    total: number,
    signal?: AbortSignal,
  ): Promise<UploadProgress> => {
    try {
      const etag = await api.complete(session, parts, signal)
      return { state: 'done', entry: toEntry(session.key, { size: total, etag }) }
    } catch (error) {
      if (!isServiceError(error) || !error.retry.ambiguous || signal?.aborted) throw error
      // The answer was lost; the object's ETag tells whether it was put together from these very parts.
      const found = await api.head(session.key, signal).catch(() => undefined)
      const entry = found && toEntry(session.key, found)
      if (entry?.size !== total || entry.etag !== multipartEtag(parts)) throw error
      return { state: 'done', entry }
    }
  }

  /** What is there without a gap; complete once every byte is. */
  const stand = async (session: S3Session, total: number, signal?: AbortSignal): Promise<UploadProgress> => {
    const parts = (await api.listParts(session, signal)).filter((part, index) => part.number === index + 1)
    const offset = parts.reduce((sum, part) => sum + part.size, 0)
    return offset === total ? finish(session, parts, total, signal) : { state: 'open', offset }
  }

  return {
    uploadMode: 'fragments',
    fragmentBytes: partBytes,

    async beginUpload(plan, { signal } = {}): Promise<UploadSession> {
      if (plan.size > partBytes * maxParts) {
        throw new ServiceError('payload_too_large', 'The document is larger than one upload can be.')
      }
      const key = keyOf(plan)
      const uploadId = await api.begin(key, plainContentType(plan.contentType), signal)
      return { url: secret(JSON.stringify({ key, uploadId })) }
    },

    async sendBytes(session, { body, offset, length, total }, { signal } = {}) {
      const inner = parseSession(session)
      const last = offset + length === total
      if (offset % partBytes !== 0 || (!last && length !== partBytes)) {
        body.destroy()
        return orGone(stand(inner, total, signal))
      }
      const number = offset / partBytes + 1
      return orGone(
        api
          .putPart(inner, number, { size: length, body }, signal)
          .then(() => (last ? stand(inner, total, signal) : { state: 'open', offset: offset + length })),
      )
    },

    queryUpload: (session, total, { signal } = {}) => orGone(stand(parseSession(session), total, signal)),

    async cancelUpload(session, { signal } = {}) {
      const aborted = api.abort(parseSession(session), signal)
      await orGone(aborted.then(() => ({ state: 'gone' })))
    },

    async findUploaded(plan, { signal } = {}): Promise<ObjectEntry | undefined> {
      const key = keyOf(plan)
      try {
        return toEntry(key, await api.head(key, signal))
      } catch (error) {
        if (isServiceError(error, 'object_missing')) return undefined
        throw error
      }
    },
  }
}

function parseSession({ url }: UploadSession): S3Session {
  const parsed = sessionSchema.safeParse(parseJson(url.reveal()))
  if (parsed.success) return parsed.data
  throw new ServiceError('internal_error', 'The stored upload session is not one of S3.')
}

/** The MD5 of the parts' MD5s, and their number; something else under KMS encryption. https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html */
function multipartEtag(parts: readonly S3Part[]): string {
  const hash = createHash('md5')
  for (const { etag } of parts) hash.update(etag.replaceAll('"', ''), 'hex')
  return `${hash.digest('hex')}-${String(parts.length)}`
}

/** An upload that S3 does not know (any more) is an answer, not an error. */
async function orGone(work: Promise<UploadProgress>): Promise<UploadProgress> {
  try {
    return await work
  } catch (error) {
    if (isServiceError(error) && error.context.providerCode === 'NoSuchUpload') return { state: 'gone' }
    throw error
  }
}
