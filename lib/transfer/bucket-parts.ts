import type { S3Client } from '@aws-sdk/client-s3'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { signedUntil } from '../storage/signed-until.ts'
import { bucketError } from './bucket-errors.ts'

/** An upload in parts: the key it will stand under, and the bucket's own id of it. */
export interface PartsUpload {
  readonly key: string
  readonly id: string
}

export interface StoredPart {
  readonly number: number
  readonly size: number
  /** Without quotes. */
  readonly etag: string
}

export interface SignedPart {
  readonly number: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** What is asked of the intake bucket about bytes that come in parts. */
export interface PartCalls {
  /** Begins an upload under `key`; answers its id. */
  begin(key: string, contentType: string): Promise<string>
  /** URLs that take one PUT of exactly so many bytes each, for so long or as long as who signed them. */
  sign(
    upload: PartsUpload,
    parts: readonly { readonly number: number; readonly size: number }[],
    expiresInSeconds: number,
  ): Promise<SignedPart[]>
  /** The parts that have arrived, by number; undefined when the upload is over. */
  stored(upload: PartsUpload): Promise<StoredPart[] | undefined>
  /** Makes the object of its parts; false when the upload is over, or a part was replaced meanwhile. */
  complete(upload: PartsUpload, parts: readonly StoredPart[]): Promise<boolean>
  /** Ends an upload and takes its parts away; already over is success. */
  abort(upload: PartsUpload): Promise<void>
}

const isOver = (error: unknown): boolean => error instanceof Error && error.name === 'NoSuchUpload'
const isOther = (error: unknown): boolean => error instanceof Error && error.name === 'InvalidPart'

/** Through the SDK, by a client as `rareCalls` wants it. */
export function partCalls(client: S3Client, Bucket: string, now: () => number): PartCalls {
  const at = ({ key: Key, id: UploadId }: PartsUpload) => ({ Bucket, Key, UploadId })
  return {
    async begin(Key, ContentType) {
      try {
        const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType }))
        return UploadId ?? ''
      } catch (error) {
        throw bucketError(error)
      }
    },
    async sign(upload, parts, expiresIn) {
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
      const expiresAt = await signedUntil(client, now(), expiresIn)
      const signed = new Set(['content-length'])
      return await Promise.all(
        parts.map(async ({ number, size }) => {
          const part = { ...at(upload), PartNumber: number, ContentLength: size }
          const url = await getSignedUrl(client, new UploadPartCommand(part), {
            expiresIn,
            signableHeaders: signed,
            unhoistableHeaders: signed,
          })
          return { number, url, headers: {}, expiresAt }
        }),
      )
    },
    async stored(upload) {
      const found: StoredPart[] = []
      let PartNumberMarker: string | undefined
      try {
        do {
          const page = { ...at(upload), ...(PartNumberMarker === undefined ? {} : { PartNumberMarker }) }
          const {
            Parts = [],
            IsTruncated,
            NextPartNumberMarker,
          } = await client.send(new ListPartsCommand(page))
          for (const { PartNumber = 0, Size = 0, ETag = '' } of Parts)
            found.push({ number: PartNumber, size: Size, etag: ETag.replaceAll('"', '') })
          PartNumberMarker = IsTruncated === true ? NextPartNumberMarker : undefined
        } while (PartNumberMarker !== undefined)
        return found
      } catch (error) {
        if (isOver(error)) return undefined
        throw bucketError(error)
      }
    },
    async complete(upload, parts) {
      const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }))
      try {
        await client.send(new CompleteMultipartUploadCommand({ ...at(upload), MultipartUpload: { Parts } }))
        return true
      } catch (error) {
        if (isOver(error) || isOther(error)) return false
        throw bucketError(error)
      }
    },
    async abort(upload) {
      try {
        await client.send(new AbortMultipartUploadCommand(at(upload)))
      } catch (error) {
        if (!isOver(error)) throw bucketError(error)
      }
    },
  }
}
