import { isServiceError } from '../../errors.ts'
import type { UserId } from '../../ids.ts'
import { objectKey, userKeyOf } from '../../ids.ts'
import type { ByteRange, ResolvedRange } from '../../storage/bytes.ts'
import {
  digestOf,
  hexDigest,
  plainContentType,
  rangeHeader,
  rangeNotSatisfiable,
} from '../../storage/bytes.ts'
import type { Driver, Plan } from '../../storage/driver.ts'
import { PlaceTaken } from '../../storage/free-name.ts'
import { cut, wide } from '../../storage/legal-name.ts'
import { about } from './about.ts'
import type { S3ApiOptions } from './api.ts'
import { s3Api } from './api.ts'
import { findObject, isTaken, s3Sessions } from './sessions.ts'
import { s3SignedUrls } from './signed-urls.ts'
import { toEntry } from './wire.ts'

/** Content up to this size goes in one request, with its SHA-256 for S3 to check and to keep. */
const singlePutBytes = 10 * 1024 * 1024

/** One bucket of S3 or of an S3-compatible server. Its quirks stand in README.md. */
export function s3Driver(options: S3ApiOptions): Driver {
  const api = s3Api(options)

  return {
    provider: about.id,
    traits: {
      singleRequestBytes: singlePutBytes,
      // https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
      maxBytes: 5 * 1024 ** 4,
      hash: { ...about.hash, start: () => hexDigest('sha256') },
      rewrites: () => false,
      legal: keyEnd,
    },

    stat: async (key, { signal } = {}) => toEntry(key, await api.head(key, signal)),

    async read(key, range, { signal } = {}) {
      try {
        const answer = await api.get(key, range && headerOf(range), signal)
        const { body, size, contentRange } = answer
        const part = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? '')
        // A server that does not know ranges sends everything.
        if (!part) return { entry: toEntry(key, answer), body, sent: 'whole', announced: size }
        const sent: ResolvedRange = { start: Number(part[1]), end: Number(part[2]) }
        return { entry: toEntry(key, { ...answer, size: Number(part[3]) }), body, sent, announced: size }
      } catch (error) {
        if (!isServiceError(error) || error.context.providerStatus !== 416) throw error
        throw rangeNotSatisfiable((await api.head(key, signal)).size)
      }
    },

    async write(plan, content, { signal } = {}) {
      const key = keyOf(plan)
      const contentType = plainContentType(plan.contentType)
      const hash = await digestOf(content, hexDigest('sha256'))
      const sha256 = Buffer.from(hash, 'hex').toString('base64')
      const createOnly = plan.target.kind === 'new'
      try {
        const stored = await api.put(key, content, { contentType, sha256, createOnly }, signal)
        return toEntry(key, { size: content.size, contentType, ...stored })
      } catch (error) {
        throw createOnly && isTaken(error) ? new PlaceTaken(error.context) : error
      }
    },

    find: (plan, { signal } = {}) => findObject(api, keyOf(plan), signal),
    async remove(key, { permanent, ifMatch, signal } = {}) {
      if (permanent) return await api.deleteVersions(key, signal)
      try {
        await api.delete(key, ifMatch, signal)
      } catch (error) {
        // Something else has been put under the key: the version that was meant is gone.
        if (ifMatch === undefined || !isTaken(error)) throw error
      }
    },
    check: ({ signal } = {}) => api.ping(signal),
    sessions: s3Sessions(api, keyOf),
    signedUrls: s3SignedUrls(options.client, options.bucket, keyFor),
  }
}

function keyOf({ userId, target }: Pick<Plan, 'userId' | 'target'>): string {
  return target.kind === 'new' ? keyFor(userId, target.file) : target.objectKey
}

function keyFor(userId: UserId, file: string) {
  return objectKey(`${userKeyOf(userId)}/${file}`)
}

/**
 * The end of a key: 1,024 bytes are the most in all, and clients take `.` and `..` between slashes for steps.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
 */
function keyEnd(name: string): string {
  const whole = cut(name, 900, (text) => Buffer.byteLength(text))
  return whole.replaceAll(/(?<=^|\/)\.{1,2}(?=\/|$)/g, (dots) => wide('.').repeat(dots.length))
}

function headerOf(range: ByteRange): string {
  if ('suffix' in range) return `bytes=-${String(range.suffix)}`
  return range.end === undefined
    ? `bytes=${String(range.start)}-`
    : rangeHeader({ start: range.start, end: range.end })
}
