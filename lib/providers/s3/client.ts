import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { S3Client } from '@aws-sdk/client-s3'

export interface S3ClientOptions {
  readonly region?: string | undefined
  /**
   * An S3-compatible server (MinIO and the like), addressed with the bucket in the path; AWS S3 when absent.
   */
  readonly endpoint?: string | undefined
  /** The function's own role when absent. */
  readonly credentials?: NonNullable<S3ClientConfig['credentials']> | undefined
}

/**
 * A client as this backend needs it: it repeats nothing by itself, because one layer above does, and it adds
 * no checksum that was not asked for, because a presigned URL would carry the checksum of an empty body.
 */
export function s3Client({ region, endpoint, credentials }: S3ClientOptions): S3Client {
  return new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  })
}
