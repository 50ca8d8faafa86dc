import type { S3Client } from '@aws-sdk/client-s3'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { plainContentType } from '../../storage/bytes.ts'
import type { SignedUrls } from '../../storage/driver.ts'
import { signedUntil } from '../../storage/signed-until.ts'

/**
 * URLs that carry their own permission. They end with the credentials that signed them, which for a
 * function's role is a matter of hours.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
 */
export function s3SignedUrls(client: S3Client, bucket: string, keyFor: SignedUrls['keyFor']): SignedUrls {
  return {
    keyFor,
    until: (now, minutes) => signedUntil(client, now, minutes * 60),

    get(key, minutes, as) {
      const named = as && {
        ResponseContentDisposition: as.disposition,
        ResponseContentType: plainContentType(as.contentType),
      }
      const command = new GetObjectCommand({ Bucket: bucket, Key: key, ...named })
      return getSignedUrl(client, command, { expiresIn: minutes * 60 })
    },

    async put(key, minutes, contentType) {
      const type = contentType === undefined ? undefined : plainContentType(contentType)
      const typed = type === undefined ? {} : { ContentType: type }
      const command = new PutObjectCommand({ Bucket: bucket, Key: key, ...typed })
      const url = await getSignedUrl(client, command, {
        expiresIn: minutes * 60,
        // Signed, so that the upload has the content type that it was announced with.
        signableHeaders: new Set(type === undefined ? ['host'] : ['host', 'content-type']),
      })
      return { url, headers: type === undefined ? {} : { 'content-type': type } }
    },
  }
}
