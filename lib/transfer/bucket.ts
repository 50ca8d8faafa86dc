import type { S3Client } from '@aws-sdk/client-s3'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import { ServiceError } from '../errors.ts'
import type { OpenFeed } from '../net/feed.ts'
import { signedUntil } from '../storage/signed-until.ts'
import type { ByteSource } from './body.ts'
import { SourceChanged } from './body.ts'

/** An object of the intake bucket as it stands there now. */
export interface IntakeObject {
  readonly key: string
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  readonly versionId?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  /** Its storage class has to be restored before it can be read. */
  readonly archived?: boolean
}

/** Which object is meant: nothing is read or deleted that was put under the key later. */
export type Pin = Pick<IntakeObject, 'key' | 'etag' | 'versionId'>

/** Why an object is kept although its story is over. */
export type KeptAs = 'rejected' | 'failed'

export interface IntakeBucket {
  readonly name: string
  head(key: string, signal?: AbortSignal): Promise<IntakeObject | undefined>
  /** The bytes of exactly that object. */
  source(object: Pin & { readonly size: number }): ByteSource
  /**
   * Removes exactly that object, or whatever stands there when only
   * the key is given. Already gone or replaced is success.
   */
  remove(pin: Pin | { readonly key: string }): Promise<void>
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

const tagName = 'driveway'
/** A URL that is signed for reading is used at once. */
const readSeconds = 60

/**
 * The intake bucket on S3, whose client is made on first use. It is to be made with
 * `requestChecksumCalculation` and `responseChecksumValidation` `WHEN_REQUIRED`: a
 * presigned URL would otherwise demand the checksum of an empty body.
 */
export function intakeBucket(
  open: () => Promise<S3Client>,
  name: string,
  now: () => number,
  openFeed: OpenFeed,
): IntakeBucket {
  return {
    name,
    async head(key, signal) {
      try {
        const answer = await (
          await open()
        ).send(new HeadObjectCommand({ Bucket: name, Key: key }), abortable(signal))
        return {
          key,
          size: answer.ContentLength ?? 0,
          etag: unquoted(answer.ETag),
          ...(answer.VersionId === undefined ? {} : { versionId: answer.VersionId }),
          ...(answer.ContentType === undefined ? {} : { contentType: answer.ContentType }),
          ...(answer.ContentEncoding === undefined ? {} : { contentEncoding: answer.ContentEncoding }),
          ...(isArchived(answer.StorageClass, answer.Restore) ? { archived: true } : {}),
        }
      } catch (error) {
        if (isGone(error)) return undefined
        throw bucketError(error)
      }
    },
    source: (pin) => ({
      size: pin.size,
      async open(start, options) {
        const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
        const client = await open()
        const command = new GetObjectCommand({ Bucket: name, Key: pin.key, ...versioned(pin) })
        return openFeed(start, pin.size, {
          ...options,
          async address() {
            const url = await getSignedUrl(client, command, { expiresIn: readSeconds })
            return { url, headers: { 'if-match': `"${pin.etag}"` } }
          },
          refused: (status, cause) =>
            [404, 412, 416].includes(status)
              ? new SourceChanged('The intake object was replaced or removed.')
              : bucketError(cause, String(status)),
        })
      },
    }),
    async remove(pin) {
      try {
        const exactly = 'etag' in pin ? { IfMatch: `"${pin.etag}"`, ...versioned(pin) } : {}
        await (await open()).send(new DeleteObjectCommand({ Bucket: name, Key: pin.key, ...exactly }))
      } catch (error) {
        if (!isGone(error) && !isReplaced(error)) throw bucketError(error)
      }
    },
    async keep(key, as) {
      try {
        const Tagging = { TagSet: [{ Key: tagName, Value: as }] }
        await (await open()).send(new PutObjectTaggingCommand({ Bucket: name, Key: key, Tagging }))
      } catch (error) {
        if (!isGone(error)) throw bucketError(error)
      }
    },
    async keptAs(key) {
      try {
        const { TagSet = [] } = await (
          await open()
        ).send(new GetObjectTaggingCommand({ Bucket: name, Key: key }))
        const value = TagSet.find((tag) => tag.Key === tagName)?.Value
        return value === 'rejected' || value === 'failed' ? value : undefined
      } catch (error) {
        if (isGone(error)) return undefined
        throw bucketError(error)
      }
    },
    async list(cursor) {
      try {
        const page = { Bucket: name, ...(cursor === undefined ? {} : { ContinuationToken: cursor }) }
        const { Contents = [], NextContinuationToken } = await (
          await open()
        ).send(new ListObjectsV2Command(page))
        const objects = Contents.map((item) => ({
          key: item.Key ?? '',
          size: item.Size ?? 0,
          modifiedAt: item.LastModified?.getTime() ?? 0,
        }))
        return NextContinuationToken === undefined ? { objects } : { objects, cursor: NextContinuationToken }
      } catch (error) {
        throw bucketError(error)
      }
    },
    async presignPut(key, { contentType, size, sha256, expiresInSeconds }) {
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
      const checksum = sha256 === undefined ? undefined : Buffer.from(sha256, 'hex').toString('base64')
      const command = new PutObjectCommand({
        Bucket: name,
        Key: key,
        ContentType: contentType,
        ...(size === undefined ? {} : { ContentLength: size }),
        ...(checksum === undefined ? {} : { ChecksumSHA256: checksum }),
      })
      // Signed, so that S3 refuses anything else.
      // https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
      const names = [
        'content-type',
        ...(size === undefined ? [] : ['content-length']),
        ...(checksum === undefined ? [] : ['x-amz-checksum-sha256']),
      ]
      const signed = new Set(names)
      const client = await open()
      const url = await getSignedUrl(client, command, {
        expiresIn: expiresInSeconds,
        signableHeaders: signed,
        unhoistableHeaders: signed,
      })
      return {
        url,
        headers: {
          'content-type': contentType,
          ...(checksum === undefined ? {} : { 'x-amz-checksum-sha256': checksum }),
        },
        expiresAt: await signedUntil(client, now(), expiresInSeconds),
      }
    },
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html */
function isArchived(storageClass: string | undefined, restore: string | undefined): boolean {
  const cold = storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE'
  return cold && !/ongoing-request="false"/.test(restore ?? '')
}

function versioned(pin: { readonly versionId?: string }): { VersionId?: string } {
  return pin.versionId === undefined ? {} : { VersionId: pin.versionId }
}

function abortable(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {}
}

function unquoted(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '')
}

function isGone(error: unknown): boolean {
  return error instanceof Error && ['NotFound', 'NoSuchKey', 'NoSuchVersion'].includes(error.name)
}

function isReplaced(error: unknown): boolean {
  return (
    error instanceof Error &&
    ['PreconditionFailed', 'InvalidRange', 'ConditionalRequestConflict'].includes(error.name)
  )
}

/** S3 is our own side: what fails there is worth another try, and never the provider's fault. */
function bucketError(error: unknown, code = error instanceof Error ? error.name : 'unknown'): Error {
  if (error instanceof Error && error.name === 'AbortError') return error
  return new ServiceError('internal_error', 'The intake bucket could not be read or written.', {
    retry: { retryable: true },
    context: { providerCode: code },
    cause: error,
  })
}
