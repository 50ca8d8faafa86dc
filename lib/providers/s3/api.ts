import type { S3Client } from '@aws-sdk/client-s3'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Readable } from 'node:stream'
import type { Clock } from '../../clock.ts'
import { ServiceError } from '../../errors.ts'
import type { Pieces } from '../../net/exactly.ts'
import type { ObserveCall } from '../../net/provider-http.ts'
import { s3Error, statusOf } from './errors.ts'
import type { ObjectHead, S3Session } from './wire.ts'
import { sending } from './sending.ts'

export interface S3Part {
  readonly number: number
  readonly size: number
  readonly etag: string
}

/** S3's calls on one bucket. Every rejection is a ServiceError. */
export interface S3Api {
  /**
   * Answers S3's ETag and its own SHA-256 of what it has stored. `createOnly`: 412 when there is an object
   * already.
   */
  put(
    key: string,
    bytes: Pieces,
    as: { readonly contentType: string; readonly sha256: string; readonly createOnly: boolean },
    signal?: AbortSignal,
  ): Promise<Pick<ObjectHead, 'etag' | 'sha256'>>
  head(key: string, signal?: AbortSignal): Promise<ObjectHead>
  get(
    key: string,
    range: string | undefined,
    signal?: AbortSignal,
  ): Promise<ObjectHead & { body: Readable; contentRange?: string }>
  delete(key: string, signal?: AbortSignal): Promise<void>
  begin(key: string, contentType: string, signal?: AbortSignal): Promise<string>
  putPart(session: S3Session, number: number, bytes: Pieces, signal?: AbortSignal): Promise<void>
  /** In the order of their numbers. */
  listParts(session: S3Session, signal?: AbortSignal): Promise<readonly S3Part[]>
  /** 412 when the session is one that creates only and there is an object by now. */
  complete(session: S3Session, parts: readonly S3Part[], signal?: AbortSignal): Promise<string | undefined>
  abort(session: S3Session, signal?: AbortSignal): Promise<void>
  ping(signal?: AbortSignal): Promise<void>
}

export interface S3ApiOptions {
  readonly client: S3Client
  readonly bucket: string
  readonly clock: Clock
  readonly observe?: ObserveCall | undefined
}

/** Runs one call, tells of it, and maps what goes wrong. `bytes` are those of the content. */
function observed(clock: Clock, observe: ObserveCall | undefined) {
  return async <Answer>(
    operation: string,
    bytes: number,
    run: () => Promise<Answer & { readonly $metadata: { readonly httpStatusCode?: number | undefined } }>,
  ): Promise<Answer> => {
    const started = clock.now()
    const tell = (status: number): void =>
      observe?.({ provider: 's3', operation, status, ms: clock.now() - started, bytes })
    try {
      const answer = await run()
      tell(answer.$metadata.httpStatusCode ?? 200)
      return answer
    } catch (error) {
      tell(statusOf(error))
      throw s3Error(error, { writing: !reading.has(operation) })
    }
  }
}

export function s3Api({ client, bucket, clock, observe }: S3ApiOptions): S3Api {
  const call = observed(clock, observe)

  return {
    async put(key, bytes, { contentType, sha256, createOnly }, signal) {
      const answer = await call('put', bytes.size, () =>
        sending(bytes, signal, (checked, options) =>
          client.send(
            new PutObjectCommand({
              Bucket: bucket,
              Key: key,
              Body: checked,
              ContentLength: bytes.size,
              ContentType: contentType,
              ChecksumSHA256: sha256,
              ...onlyIfAbsent(createOnly),
            }),
            options,
          ),
        ),
      )
      return { etag: answer.ETag, sha256: answer.ChecksumSHA256 }
    },

    async head(key, signal) {
      const command = new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' })
      const answer = await call('head', 0, () => client.send(command, abortable(signal)))
      return {
        size: answer.ContentLength ?? 0,
        contentType: answer.ContentType,
        createdAt: answer.LastModified?.getTime(),
        etag: answer.ETag,
        sha256: answer.ChecksumSHA256,
      }
    },

    async get(key, range, signal) {
      const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: range })
      const answer = await call('get', 0, () => client.send(command, abortable(signal)))
      if (!(answer.Body instanceof Readable)) {
        throw new ServiceError('provider_error', 'S3 answered without content.', {
          retry: { retryable: true },
        })
      }
      return {
        size: answer.ContentLength ?? 0,
        contentType: answer.ContentType,
        etag: answer.ETag,
        body: answer.Body,
        ...(answer.ContentRange === undefined ? {} : { contentRange: answer.ContentRange }),
      }
    },

    async delete(key, signal) {
      await call('delete', 0, () =>
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), abortable(signal)),
      )
    },

    async begin(key, contentType, signal) {
      const command = new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ContentType: contentType })
      const { UploadId } = await call('upload.begin', 0, () => client.send(command, abortable(signal)))
      if (UploadId === undefined) {
        throw new ServiceError('provider_error', 'S3 opened no upload.', { retry: { retryable: true } })
      }
      return UploadId
    },

    async putPart({ key, uploadId }, number, bytes, signal) {
      await call('upload.send', bytes.size, () =>
        sending(bytes, signal, (checked, options) =>
          client.send(
            new UploadPartCommand({
              Bucket: bucket,
              Key: key,
              UploadId: uploadId,
              PartNumber: number,
              Body: checked,
              ContentLength: bytes.size,
            }),
            options,
          ),
        ),
      )
    },

    async listParts({ key, uploadId }, signal) {
      const parts: S3Part[] = []
      let marker: string | undefined
      do {
        const command = new ListPartsCommand({
          Bucket: bucket,
          Key: key,
          UploadId: uploadId,
          ...(marker === undefined ? {} : { PartNumberMarker: marker }),
        })
        const page = await call('upload.query', 0, () => client.send(command, abortable(signal)))
        for (const { PartNumber, Size, ETag } of page.Parts ?? []) {
          if (PartNumber !== undefined && ETag !== undefined) {
            parts.push({ number: PartNumber, size: Size ?? 0, etag: ETag })
          }
        }
        marker = page.IsTruncated ? page.NextPartNumberMarker : undefined
      } while (marker !== undefined)
      return parts
    },

    async complete({ key, uploadId, createOnly = false }, parts, signal) {
      const command = new CompleteMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        UploadId: uploadId,
        MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
        ...onlyIfAbsent(createOnly),
      })
      return (await call('upload.complete', 0, () => client.send(command, abortable(signal)))).ETag
    },

    async abort({ key, uploadId }, signal) {
      const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId })
      await call('upload.cancel', 0, () => client.send(command, abortable(signal)))
    },

    async ping(signal) {
      await call('bucket.head', 0, () =>
        client.send(new HeadBucketCommand({ Bucket: bucket }), abortable(signal)),
      )
    },
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
function onlyIfAbsent(createOnly: boolean) {
  return createOnly ? { IfNoneMatch: '*' } : {}
}

const reading: ReadonlySet<string> = new Set(['head', 'get', 'upload.query', 'bucket.head'])

function abortable(signal: AbortSignal | undefined) {
  return signal ? { abortSignal: signal } : {}
}
