import type { S3Client } from '@aws-sdk/client-s3'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { downloadUrlMinutes, uploadUrlMinutes } from '../../contract/limits.ts'
import { ServiceError } from '../../errors.ts'
import type { PresignedUrls, StorageBackend } from '../../storage/backend.ts'
import { plainContentType } from '../../storage/content.ts'

type Presigning = Omit<PresignedUrls, 'objectKeyFor'> &
  Pick<StorageBackend, 'presignedGetUrl' | 'generatePresignedPutUrl'>

/**
 * URLs that carry their own permission. They end with the credentials that signed them, which for a function's role is a matter of
 * hours. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
 */
export function s3Presigning(client: S3Client, bucket: string): Presigning {
  const presignGet: Presigning['presignGet'] = (key, expiresMinutes, { fileName, contentType } = {}) =>
    getSignedUrl(
      client,
      new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        ...(fileName === undefined ? {} : { ResponseContentDisposition: attachment(fileName) }),
        ...(contentType === undefined ? {} : { ResponseContentType: plainContentType(contentType) }),
      }),
      { expiresIn: seconds(expiresMinutes, downloadUrlMinutes.max) },
    )

  const signPut = (key: string, expiresMinutes: number, contentType?: string): Promise<string> =>
    getSignedUrl(
      client,
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ...(contentType === undefined ? {} : { ContentType: contentType }),
      }),
      {
        expiresIn: seconds(expiresMinutes, uploadUrlMinutes.max),
        // Signed, so that the upload has the content type that it was announced with.
        signableHeaders: new Set(contentType === undefined ? ['host'] : ['host', 'content-type']),
      },
    )

  return {
    presignGet,
    presignedGetUrl: async (key, expiresMinutes = downloadUrlMinutes.default) =>
      presignGet(key, expiresMinutes),
    async presignPut(key, contentType, expiresMinutes) {
      const type = plainContentType(contentType)
      return { url: await signPut(key, expiresMinutes, type), headers: { 'content-type': type } }
    },
    generatePresignedPutUrl: async (key, expiresMinutes = uploadUrlMinutes.default) =>
      signPut(key, expiresMinutes),
  }
}

function seconds(minutes: number, maxMinutes: number): number {
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > maxMinutes) {
    throw new ServiceError(
      'invalid_request',
      `expiresInMinutes has to be a whole number from 1 to ${String(maxMinutes)}.`,
    )
  }
  return minutes * 60
}

/** https://www.rfc-editor.org/rfc/rfc6266 */
function attachment(fileName: string): string {
  return `attachment; filename*=UTF-8''${encodeURIComponent(fileName)}`
}
