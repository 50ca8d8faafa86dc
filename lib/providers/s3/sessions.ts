import { createHash } from 'node:crypto'
import { chunkSize } from '../../contract/limits.ts'
import { isServiceError, ServiceError, unlessMissing } from '../../errors.ts'
import { parseJson } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import { plainContentType } from '../../storage/bytes.ts'
import type { ObjectEntry, Plan, Sessions, UploadProgress, UploadSession } from '../../storage/driver.ts'
import { PlaceTaken } from '../../storage/free-name.ts'
import type { S3Api, S3Part } from './api.ts'
import type { S3Session } from './wire.ts'
import { sessionSchema, toEntry } from './wire.ts'

/** Part n holds the n-th 10 MiB, so a part's number follows from its offset. */
const partBytes = chunkSize
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const maxParts = 10_000

/** Multipart uploads as sessions: key and upload id in one opaque text, each part acknowledged alone. */
export function s3Sessions(api: S3Api, keyOf: (plan: Plan) => string): Sessions {
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
      const taken = isTaken(error)
      if (!isServiceError(error) || !(error.retry.ambiguous || taken) || signal?.aborted) throw error
      // The answer was lost; the object's ETag tells whether it was put together from these very parts.
      const entry = await findObject(api, session.key, signal).catch(() => undefined)
      if (entry?.size === total && entry.etag === multipartEtag(parts)) return { state: 'done', entry }
      throw taken ? new PlaceTaken(error.context) : error
    }
  }

  /** What is there without a gap; complete once every byte is. */
  const stand = async (session: S3Session, total: number, signal?: AbortSignal): Promise<UploadProgress> => {
    const parts = (await api.listParts(session, signal)).filter((part, index) => part.number === index + 1)
    const offset = parts.reduce((sum, part) => sum + part.size, 0)
    return offset === total ? finish(session, parts, total, signal) : { state: 'open', offset }
  }

  return {
    mode: 'fragments',
    fragmentBytes: partBytes,

    async begin(plan, { signal } = {}): Promise<UploadSession> {
      if (plan.size > partBytes * maxParts) {
        throw new ServiceError('payload_too_large', 'The document is larger than one upload can be.')
      }
      const key = keyOf(plan)
      const createOnly = plan.target.kind === 'new'
      // The end would be refused too, but only once all the bytes are there.
      if (createOnly && (await findObject(api, key, signal))) throw new PlaceTaken()
      const uploadId = await api.begin(key, plainContentType(plan.contentType), signal)
      const session: S3Session = { key, uploadId, ...(createOnly ? { createOnly } : {}) }
      return { url: secret(JSON.stringify(session)) }
    },

    async send(session, { body, offset, total }, { signal } = {}) {
      const inner = parseSession(session)
      const { size: length } = body
      const last = offset + length === total
      if (offset % partBytes !== 0 || (!last && length !== partBytes))
        return orGone(stand(inner, total, signal))
      const number = offset / partBytes + 1
      return orGone(
        api
          .putPart(inner, number, body, signal)
          .then(() => (last ? stand(inner, total, signal) : { state: 'open', offset: offset + length })),
      )
    },

    ask: (session, total, { signal } = {}) => orGone(stand(parseSession(session), total, signal)),

    async cancel(session, { signal } = {}) {
      const aborted = api.abort(parseSession(session), signal)
      await orGone(aborted.then(() => ({ state: 'gone' })))
    },
  }
}

/** The object under a key, if there is one. */
export async function findObject(
  api: S3Api,
  key: string,
  signal?: AbortSignal,
): Promise<ObjectEntry | undefined> {
  const head = await api.head(key, signal).catch(unlessMissing)
  return head && toEntry(key, head)
}

/** True for a write that was to create only and met an object. */
export function isTaken(error: unknown): error is ServiceError {
  return isServiceError(error) && error.context.providerStatus === 412
}

function parseSession({ url }: UploadSession): S3Session {
  const parsed = sessionSchema.safeParse(parseJson(url.reveal()))
  if (parsed.success) return parsed.data
  throw new ServiceError('internal_error', 'The stored upload session is not one of S3.')
}

/**
 * The MD5 of the parts' MD5s, and their number; something else under KMS encryption.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
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
