import type { S3Client } from '@aws-sdk/client-s3'
import {
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import { signedUntil } from '../storage/signed-until.ts'
import type { RareCalls } from './bucket.ts'
import { bucketError, isGone } from './bucket-errors.ts'

const tagName = 'driveway'

/**
 * What is asked of the intake bucket now and then, through the SDK. Its client is to be made with
 * `requestChecksumCalculation` and `responseChecksumValidation` `WHEN_REQUIRED`: a presigned URL would
 * otherwise demand the checksum of an empty body.
 */
export function rareCalls(client: S3Client, name: string, now: () => number): RareCalls {
  return {
    async keep(key, as) {
      try {
        const Tagging = { TagSet: [{ Key: tagName, Value: as }] }
        await client.send(new PutObjectTaggingCommand({ Bucket: name, Key: key, Tagging }))
      } catch (error) {
        if (!isGone(error)) throw bucketError(error)
      }
    },
    async keptAs(key) {
      try {
        const { TagSet = [] } = await client.send(new GetObjectTaggingCommand({ Bucket: name, Key: key }))
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
        const { Contents = [], NextContinuationToken } = await client.send(new ListObjectsV2Command(page))
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
