import type {
  ListObjectVersionsCommandInput,
  ListObjectVersionsCommandOutput,
  $Command,
  S3Client,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Readable } from 'node:stream'
import type { Clock } from '../../clock.ts'
import { ServiceError } from '../../errors.ts'
import type { Pieces } from '../../net/exactly.ts'
import type { ObserveCall } from '../../net/provider-http.ts'
import { about } from './about.ts'
import { bodyOf } from './client.ts'
import { s3Error, statusOf } from './errors.ts'
import type { ObjectHead, S3Session } from './wire.ts'

export interface S3Part {
  readonly number: number
  readonly size: number
  readonly etag: string
}

export interface S3ApiOptions {
  /** As `s3Client` makes it. */
  readonly client: S3Client
  readonly bucket: string
  readonly clock: Clock
  readonly observe?: ObserveCall | undefined
}

export type S3Api = ReturnType<typeof s3Api>

/** S3's calls on one bucket. Every rejection is a ServiceError. */
export function s3Api({ client, bucket, clock, observe }: S3ApiOptions) {
  /** Makes one call, tells of it, and maps what goes wrong. */
  const call = async <In extends ServiceInputTypes, Out extends ServiceOutputTypes>(
    operation: string,
    command: $Command<In, Out, S3Client['config'], ServiceInputTypes, ServiceOutputTypes>,
    signal: AbortSignal | undefined,
    bytes = 0,
  ): Promise<Out> => {
    const started = clock.now()
    const tell = (status: number): void =>
      observe?.({ provider: about.id, operation, status, ms: clock.now() - started, bytes })
    try {
      const answer = await client.send(command, signal ? { abortSignal: signal } : {})
      tell(answer.$metadata.httpStatusCode ?? 200)
      return answer
    } catch (error) {
      tell(statusOf(error))
      throw s3Error(error, { writing: !reading.has(operation) })
    }
  }
  const at = (key: string) => ({ Bucket: bucket, Key: key })
  const uploadOf = ({ key, uploadId }: S3Session) => ({ ...at(key), UploadId: uploadId })

  return {
    /** Answers ETag and SHA-256 as S3 has them. `createOnly`: 412 when something is there. */
    put: async (
      key: string,
      bytes: Pieces,
      as: { readonly contentType: string; readonly sha256: string; readonly createOnly: boolean },
      signal?: AbortSignal,
    ) => {
      const command = new PutObjectCommand({
        ...at(key),
        Body: bodyOf(bytes),
        ContentLength: bytes.size,
        ContentType: as.contentType,
        ChecksumSHA256: as.sha256,
        ...onlyIfAbsent(as.createOnly),
      })
      const { ETag, ChecksumSHA256 } = await call('put', command, signal, bytes.size)
      return { etag: ETag, sha256: ChecksumSHA256 }
    },

    head: async (key: string, signal?: AbortSignal) =>
      headOf(await call('head', new HeadObjectCommand({ ...at(key), ChecksumMode: 'ENABLED' }), signal)),

    get: async (key: string, range: string | undefined, signal?: AbortSignal) => {
      const answer = await call('get', new GetObjectCommand({ ...at(key), Range: range }), signal)
      if (!(answer.Body instanceof Readable)) throw incomplete('S3 answered without content.')
      return { ...headOf(answer), body: answer.Body, contentRange: answer.ContentRange }
    },

    delete: async (key: string, ifMatch?: string, signal?: AbortSignal) => {
      const condition = ifMatch === undefined ? {} : { IfMatch: `"${ifMatch}"` }
      await call('delete', new DeleteObjectCommand({ ...at(key), ...condition }), signal)
    },

    /** Every version of it, as a bucket with versions keeps them; the delete markers with them. */
    deleteVersions: async (key: string, signal?: AbortSignal) => {
      // Keys that only begin so come after the key itself.
      let from: Pick<ListObjectVersionsCommandInput, 'KeyMarker' | 'VersionIdMarker'> | undefined = {}
      while (from) {
        const command = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key, ...from })
        const page: ListObjectVersionsCommandOutput = await call('versions', command, signal)
        const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]
        for (const { Key, VersionId } of found)
          if (Key === key && VersionId !== undefined)
            await call('delete', new DeleteObjectCommand({ ...at(key), VersionId }), signal)
        const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page
        from = page.IsTruncated && KeyMarker === key ? { KeyMarker, VersionIdMarker } : undefined
      }
    },

    begin: async (key: string, contentType: string, signal?: AbortSignal) => {
      const command = new CreateMultipartUploadCommand({ ...at(key), ContentType: contentType })
      const { UploadId } = await call('upload.begin', command, signal)
      if (UploadId === undefined) throw incomplete('S3 opened no upload.')
      return UploadId
    },

    putPart: async (session: S3Session, number: number, bytes: Pieces, signal?: AbortSignal) => {
      const body = { Body: bodyOf(bytes), ContentLength: bytes.size }
      const command = new UploadPartCommand({ ...uploadOf(session), PartNumber: number, ...body })
      await call('upload.send', command, signal, bytes.size)
    },

    /** In the order of their numbers. */
    listParts: async (session: S3Session, signal?: AbortSignal) => {
      const parts: S3Part[] = []
      let marker: string | undefined
      do {
        const command = new ListPartsCommand({ ...uploadOf(session), PartNumberMarker: marker })
        const page = await call('upload.query', command, signal)
        for (const { PartNumber, Size, ETag } of page.Parts ?? []) {
          if (PartNumber !== undefined && ETag !== undefined)
            parts.push({ number: PartNumber, size: Size ?? 0, etag: ETag })
        }
        marker = page.IsTruncated ? page.NextPartNumberMarker : undefined
      } while (marker !== undefined)
      return parts
    },

    /** 412 when the session is one that creates only and there is an object by now. */
    complete: async (session: S3Session, parts: readonly S3Part[], signal?: AbortSignal) => {
      const command = new CompleteMultipartUploadCommand({
        ...uploadOf(session),
        MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
        ...onlyIfAbsent(session.createOnly),
      })
      return (await call('upload.complete', command, signal)).ETag
    },

    abort: async (session: S3Session, signal?: AbortSignal) => {
      await call('upload.cancel', new AbortMultipartUploadCommand(uploadOf(session)), signal)
    },

    ping: async (signal?: AbortSignal) => {
      await call('bucket.head', new HeadBucketCommand({ Bucket: bucket }), signal)
    },
  }
}

const reading: ReadonlySet<string> = new Set(['head', 'get', 'upload.query', 'bucket.head'])

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
function onlyIfAbsent(createOnly = false) {
  return createOnly ? { IfNoneMatch: '*' } : {}
}

function headOf(answer: {
  readonly ContentLength?: number | undefined
  readonly ContentType?: string | undefined
  readonly ETag?: string | undefined
  readonly ChecksumSHA256?: string | undefined
  readonly LastModified?: Date | undefined
}): ObjectHead {
  const { ContentLength: size = 0, ContentType: contentType, ETag: etag, ChecksumSHA256: sha256 } = answer
  return { size, contentType, createdAt: answer.LastModified?.getTime(), etag, sha256 }
}

function incomplete(detail: string): ServiceError {
  return new ServiceError('provider_error', detail, { retry: { retryable: true } })
}
