import type { S3Client } from '@aws-sdk/client-s3'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ObjectKey } from '../ids.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import { chunkSize } from '../contract/limits.ts'
import type { Driver } from '../storage/driver.ts'
import { StorageBackend } from '../storage/storage-backend.ts'

export interface StagedDownload {
  readonly connectionId: string
  readonly objectKey: ObjectKey
  readonly fileName: string
  readonly contentType: string
  readonly signal: AbortSignal
}

const urlSeconds = 60 * 60

async function isStaged(client: S3Client, bucket: string, key: string, size: number): Promise<boolean> {
  try {
    const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
    return ContentLength === size
  } catch (error) {
    if (error instanceof Error && (error.name === 'NotFound' || error.name === 'NoSuchKey')) return false
    throw error
  }
}

/**
 * Copies an object of a drive that has no URL of its own (Google Drive) into the staging bucket, once for each version,
 * and answers a URL that is good for an hour. The bucket's lifecycle removes the copy. Memory: a few parts, whatever the size.
 */
export async function stageDownload(
  client: S3Client,
  bucket: string,
  driver: Driver,
  wanted: StagedDownload,
): Promise<Secret> {
  const { objectKey, signal } = wanted
  const entry = await driver.stat(objectKey, { signal })
  const version = entry.etag ?? entry.checksums.sha256 ?? entry.checksums.md5 ?? String(entry.size)
  const key = `staged/${wanted.connectionId}/${objectKey}/${Buffer.from(version).toString('base64url')}`
  if (!(await isStaged(client, bucket, key, entry.size))) {
    const content = await new StorageBackend(driver).getObject(objectKey, undefined, { signal })
    const upload = new Upload({
      client,
      params: { Bucket: bucket, Key: key, Body: content.body, ContentType: wanted.contentType },
      partSize: chunkSize,
      queueSize: 2,
    })
    const abort = (): void => void upload.abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await upload.done()
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ResponseContentType: wanted.contentType,
    ResponseContentDisposition: `attachment; filename="${wanted.fileName}"`,
  })
  return secret(await getSignedUrl(client, command, { expiresIn: urlSeconds }))
}
