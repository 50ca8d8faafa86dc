import type { S3Client } from '@aws-sdk/client-s3'
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { DocumentRow } from '../catalog/document.ts'
import { chunkSize } from '../contract/limits.ts'
import { ServiceError } from '../errors.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import { StorageBackend } from '../storage/storage-backend.ts'
import type { DocumentDeps, StagingRequest } from './deps.ts'
import { savedAs } from './present.ts'

const urlSeconds = 60 * 60
/** How often the row may change while a copy is written down. */
const mostRounds = 5

/** The bucket of copies of documents that are too large to stream and whose drive has no URL of its own. */
export interface Copies {
  has(key: string, size: number): Promise<boolean>
  store(key: string, request: StagingRequest): Promise<void>
  /** Good for an hour. */
  url(key: string, as: { readonly disposition: string; readonly contentType: string }): Promise<Secret>
  /** Already gone is success. */
  remove(key: string): Promise<void>
}

/**
 * Copies a document into the staging bucket, once for each version, and answers a URL. The row names the
 * copy before it is made, so that a delete takes it along; one that was deleted meanwhile is not handed out.
 */
export async function stageDownload(
  deps: Pick<DocumentDeps, 'documents'>,
  copies: Copies,
  request: StagingRequest,
): Promise<Secret> {
  const { row, driver, objectKey, signal } = request
  const entry = await driver.stat(objectKey, { signal })
  const version = entry.etag ?? entry.checksums.sha256 ?? entry.checksums.md5 ?? String(entry.size)
  const key = `staged/${row.connectionId}/${objectKey}/${Buffer.from(version).toString('base64url')}`
  await writeDown(deps, copies, row, key)
  if (!(await copies.has(key, entry.size))) {
    await copies.store(key, request)
    if ((await deps.documents.get(row))?.objectKey !== objectKey) {
      await copies.remove(key)
      throw gone(row)
    }
  }
  return await copies.url(key, savedAs(row))
}

/** The row names one copy; that of an older version goes. */
async function writeDown(
  { documents }: Pick<DocumentDeps, 'documents'>,
  copies: Copies,
  row: DocumentRow,
  key: string,
): Promise<void> {
  let seen: DocumentRow | undefined = row
  for (let round = 0; round < mostRounds && seen?.objectKey === row.objectKey && seen; round += 1) {
    if (seen.copy === key) return
    if (seen.copy !== undefined) await copies.remove(seen.copy)
    if (await documents.observe(seen, { copy: key })) return
    seen = await documents.get(row)
  }
  throw gone(row)
}

function gone({ documentId }: DocumentRow): ServiceError {
  return new ServiceError(
    'document_busy',
    `Document ${documentId} changed while it was read. Look at it, and try again.`,
    { retry: { retryable: true, afterSeconds: 1 }, context: { documentId, retryAfterSeconds: 1 } },
  )
}

/** The staging bucket on S3. Memory: a few parts, whatever the size. */
export function stagingBucket(client: S3Client, bucket: string): Copies {
  return {
    async has(key, size) {
      try {
        const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
        return ContentLength === size
      } catch (error) {
        if (error instanceof Error && (error.name === 'NotFound' || error.name === 'NoSuchKey')) return false
        throw error
      }
    },
    async store(key, { row, driver, objectKey, signal }) {
      const content = await new StorageBackend(driver).getObject(objectKey, undefined, { signal })
      const { contentType = 'application/octet-stream' } = row.standing ?? {}
      const upload = new Upload({
        client,
        params: { Bucket: bucket, Key: key, Body: content.body, ContentType: contentType },
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
    },
    async url(key, { disposition, contentType }) {
      const command = new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        ResponseContentType: contentType,
        ResponseContentDisposition: disposition,
      })
      return secret(await getSignedUrl(client, command, { expiresIn: urlSeconds }))
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
    },
  }
}
