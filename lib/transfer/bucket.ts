import type { AwsAnswer, AwsCaller, AwsRequest } from '../aws/caller.ts'
import type { ObjectPin } from '../aws/object-request.ts'
import { objectRequest } from '../aws/object-request.ts'
import type { Feed, OpenFeed } from '../net/feed.ts'
import type { ByteSource } from './body.ts'
import { SourceChanged } from './body.ts'
import { bucketError, isGone, isReplaced } from './bucket-errors.ts'
import type { PartCalls } from './bucket-parts.ts'

/** An object of the intake bucket as it stands there now. */
export interface IntakeObject {
  readonly key: string
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  readonly versionId?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  /** Its metadata `name`. */
  readonly encodedName?: string
  /** Its storage class has to be restored before it can be read. */
  readonly archived?: boolean
  /** All of it, when it came along. */
  readonly bytes?: Buffer
}

/** Which object is meant: nothing is read or deleted that was put under the key later. */
export type Pin = Pick<IntakeObject, 'key' | 'etag' | 'versionId'>

/** Why an object is kept although its story is over. */
export type KeptAs = 'rejected' | 'failed'

export interface IntakeBucket extends RareCalls {
  readonly name: string
  readonly parts: () => Promise<PartCalls>
  /** With an `expectedSize` that is small, the bytes come along by the same call. */
  head(key: string, signal?: AbortSignal, expectedSize?: number): Promise<IntakeObject | undefined>
  /** The bytes of exactly that object. */
  source(object: Pin & { readonly size: number }): ByteSource
  /**
   * Removes exactly that object, or whatever stands there when only
   * the key is given. Already gone or replaced is success.
   */
  remove(pin: Pin | { readonly key: string }): Promise<void>
}

/** What is asked of the bucket now and then. */
export interface RareCalls {
  /** Tags the object `driveway=rejected` or `driveway=failed`; one that is gone needs none. */
  keep(key: string, as: KeptAs): Promise<void>
  /** How the object was tagged, if it was. */
  keptAs(key: string): Promise<KeptAs | undefined>
  list(cursor?: string): Promise<{
    readonly objects: readonly { readonly key: string; readonly size: number; readonly modifiedAt: number }[]
    readonly cursor?: string
  }>
  /**
   * A URL that takes one PUT body of that type, and of that size and SHA-256
   * (hex) where they are given; it ends no later than who signed it.
   */
  presignPut(
    key: string,
    upload: {
      readonly contentType: string
      readonly size?: number | undefined
      readonly sha256?: string | undefined
      readonly expiresInSeconds: number
    },
  ): Promise<{
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    /** Epoch milliseconds. */
    readonly expiresAt: number
  }>
}

/** So much comes by one call and stays in one buffer. */
const wholeBytes = 4 * 1024 * 1024

/** The intake bucket on S3. `rare` is opened when one of its calls is made. */
export function intakeBucket(
  aws: AwsCaller,
  name: string,
  openFeed: OpenFeed,
  rare: () => Promise<RareCalls>,
  parts: () => Promise<PartCalls>,
): IntakeBucket {
  const requestOf = (
    method: string,
    pin: ObjectPin,
    more?: Pick<AwsRequest, 'headers' | 'signal'>,
  ): AwsRequest => objectRequest(aws, name, method, pin, more)
  const whole = async (pin: Pin, start: number, end: number, signal: AbortSignal): Promise<Buffer> => {
    const range = `bytes=${String(start)}-${String(end - 1)}`
    try {
      const { body } = await aws.call(requestOf('GET', pin, { headers: { range }, signal }))
      if (body.length === end - start) return body
    } catch (error) {
      signal.throwIfAborted()
      if (!isGone(error) && !isReplaced(error)) throw bucketError(error)
    }
    throw changed()
  }

  /** Undefined for what has no first bytes, or has to be restored before it has any. */
  const withBytes = async (key: string, signal?: AbortSignal): Promise<IntakeObject | undefined> => {
    try {
      const range = `bytes=0-${String(wholeBytes - 1)}`
      const answer = await aws.call(requestOf('GET', { key }, { headers: { range }, signal }))
      const size = Number(/\/(\d+)$/.exec(String(answer.headers['content-range']))?.[1])
      const { body: bytes } = answer
      return { ...headOf(key, answer), size, ...(bytes.length === size ? { bytes } : {}) }
    } catch (error) {
      if (isReplaced(error) || (error instanceof Error && error.name === 'InvalidObjectState'))
        return undefined
      throw error
    }
  }

  return {
    name,
    parts,
    async head(key, signal, expectedSize = 0) {
      try {
        const found = expectedSize > 0 && expectedSize <= wholeBytes && (await withBytes(key, signal))
        return found || headOf(key, await aws.call(requestOf('HEAD', { key }, { signal })))
      } catch (error) {
        if (isGone(error)) return undefined
        throw bucketError(error)
      }
    },
    source: (pin) => ({
      size: pin.size,
      async open(start, options) {
        if (pin.size - start <= wholeBytes) return feedOf(await whole(pin, start, pin.size, options.signal))
        const request = requestOf('GET', pin)
        return openFeed(start, pin.size, {
          ...options,
          address: async () => ({ url: request.url, headers: await aws.sign(request) }),
          refused: (status, cause) =>
            [404, 412, 416].includes(status) ? changed() : bucketError(cause, String(status)),
        })
      },
    }),
    async remove(pin) {
      try {
        await aws.call(requestOf('DELETE', pin))
      } catch (error) {
        if (!isGone(error) && !isReplaced(error)) throw bucketError(error)
      }
    },
    keep: async (...given) => {
      await (await rare()).keep(...given)
    },
    keptAs: async (...given) => await (await rare()).keptAs(...given),
    list: async (...given) => await (await rare()).list(...given),
    presignPut: async (...given) => await (await rare()).presignPut(...given),
  }
}

function changed(): SourceChanged {
  return new SourceChanged('The intake object was replaced or removed.')
}

/** The same bucket for who has the bytes of an object already: they are not asked for again. */
export function holding(bucket: IntakeBucket, { key, etag, bytes }: IntakeObject): IntakeBucket {
  if (!bytes) return bucket
  const held = { size: bytes.length, open: (start: number) => Promise.resolve(feedOf(bytes.subarray(start))) }
  return {
    ...bucket,
    source: (pin) => (pin.key === key && pin.etag === etag ? held : bucket.source(pin)),
  }
}

/** Bytes that are there already, as a feed. */
function feedOf(bytes: Buffer): Feed {
  let at = 0
  return {
    take(most) {
      const piece = bytes.subarray(at, at + most)
      at += piece.length
      return Promise.resolve(piece)
    },
    give: () => undefined,
    close: () => undefined,
  }
}

function headOf(key: string, { headers }: AwsAnswer): IntakeObject {
  const text = (name: string): string | undefined => headers[name]?.toString()
  const optional = {
    versionId: text('x-amz-version-id'),
    contentType: text('content-type'),
    contentEncoding: text('content-encoding'),
    encodedName: text('x-amz-meta-name'),
    archived: isArchived(text('x-amz-storage-class'), text('x-amz-restore')) || undefined,
  }
  return {
    key,
    size: Number(text('content-length')),
    etag: (text('etag') ?? '').replaceAll('"', ''),
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as Partial<IntakeObject>),
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html */
function isArchived(storageClass: string | undefined, restore: string | undefined): boolean {
  const cold = storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE'
  return cold && !/ongoing-request="false"/.test(restore ?? '')
}
