import type { S3Client } from '@aws-sdk/client-s3'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3'
import type { UserKey } from '../ids.ts'
import { atOnce } from '../net/at-once.ts'
import { bucketError } from '../transfer/bucket-errors.ts'

/** What lies in this deployment's own buckets under a user's key: every version, and parts of uploads. */
export interface OwnBuckets {
  count(userKey: UserKey): Promise<number>
  /** Removes all of it; answers how much there was. */
  empty(userKey: UserKey): Promise<number>
}

const callsAtOnce = 10

export function ownBuckets(client: () => Promise<S3Client>, buckets: readonly string[]): OwnBuckets {
  const inEach = async (userKey: UserKey, remove: boolean): Promise<number> => {
    const s3 = await client()
    let count = 0
    try {
      for (const Bucket of buckets) {
        const Prefix = `${userKey}/`
        for await (const upload of uploadsIn(s3, { Bucket, Prefix })) {
          count += 1
          if (remove) await s3.send(new AbortMultipartUploadCommand(upload))
        }
        for await (const page of versionsIn(s3, { Bucket, Prefix })) {
          count += page.length
          if (remove) await atOnce(callsAtOnce, page, (at) => s3.send(new DeleteObjectCommand(at)))
        }
      }
      return count
    } catch (error) {
      throw bucketError(error)
    }
  }
  return {
    count: (userKey) => inEach(userKey, false),
    empty: (userKey) => inEach(userKey, true),
  }
}

interface Where {
  readonly Bucket: string
  readonly Prefix: string
}

async function* uploadsIn(s3: S3Client, where: Where) {
  let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {}
  while (from) {
    const page: Awaited<ReturnType<typeof listUploads>> = await listUploads(s3, { ...where, ...from })
    for (const { Key = '', UploadId = '' } of page.Uploads ?? [])
      yield { Bucket: where.Bucket, Key, UploadId }
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page
    from = page.IsTruncated ? { KeyMarker, UploadIdMarker } : undefined
  }
}
const listUploads = (s3: S3Client, input: ConstructorParameters<typeof ListMultipartUploadsCommand>[0]) =>
  s3.send(new ListMultipartUploadsCommand(input))

async function* versionsIn(s3: S3Client, where: Where) {
  let from: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {}
  while (from) {
    const page: Awaited<ReturnType<typeof listVersions>> = await listVersions(s3, { ...where, ...from })
    yield [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
      Bucket: where.Bucket,
      Key,
      VersionId,
    }))
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page
    from = page.IsTruncated ? { KeyMarker, VersionIdMarker } : undefined
  }
}
const listVersions = (s3: S3Client, input: ConstructorParameters<typeof ListObjectVersionsCommand>[0]) =>
  s3.send(new ListObjectVersionsCommand(input))
