import { region } from '../account.ts'
import { S3Error } from './errors.ts'
import { wholeNumber, type S3Request } from './request.ts'
import { isoTime, sendEmpty, sendXml, type Operation } from './service.ts'
import type { ObjectStore, StoredObject } from './store.ts'

interface Listing {
  readonly objects: readonly StoredObject[]
  readonly commonPrefixes: readonly string[]
  /** The key or prefix to go on after, when there is more. */
  readonly next: string | undefined
}

/** Sorts after every key that begins with `prefix`, in the order of UTF-8 bytes. */
const afterAll = (prefix: string): string => `${prefix}\u{10FFFF}`

const list = (
  store: ObjectStore,
  bucket: string,
  prefix: string,
  delimiter: string,
  after: string,
  max: number,
): Listing => {
  const objects: StoredObject[] = []
  const commonPrefixes: string[] = []
  let position = delimiter !== '' && after.endsWith(delimiter) && after > prefix ? afterAll(after) : after
  let orEqual = position === '' || Buffer.compare(Buffer.from(position), Buffer.from(prefix)) < 0
  if (orEqual) position = prefix
  let last = ''
  const full = (): boolean => objects.length + commonPrefixes.length >= max
  for (;;) {
    const rows = store.scan(bucket, position, orEqual, 500)
    orEqual = false
    if (rows.length === 0) return { objects, commonPrefixes, next: undefined }
    for (const object of rows) {
      if (!object.key.startsWith(prefix)) return { objects, commonPrefixes, next: undefined }
      if (full()) return { objects, commonPrefixes, next: last }
      position = object.key
      last = object.key
      const at = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length)
      if (at < 0) {
        objects.push(object)
        continue
      }
      last = object.key.slice(0, at + delimiter.length)
      commonPrefixes.push(last)
      position = afterAll(last)
      break
    }
  }
}

const positionOf = (request: S3Request): string => {
  const token = request.query.get('continuation-token')
  return token === undefined
    ? (request.query.get('start-after') ?? '')
    : Buffer.from(token, 'base64url').toString('utf8')
}

/**
 * GET of a bucket with `list-type=2`. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export const listObjects: Operation = ({ store }, request) => {
  store.requireBucket(request.bucket)
  const { query, bucket } = request
  if (query.get('list-type') !== '2') throw new S3Error('NotImplemented', 'Only ListObjectsV2 is implemented')
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const maxKeys = Math.min(wholeNumber(query.get('max-keys'), 'max-keys') ?? 1000, 1000)
  const found = list(store, bucket, prefix, delimiter, positionOf(request), maxKeys)
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : (text: string): string => text
  sendXml(request, 'ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: query.get('encoding-type'),
    KeyCount: found.objects.length + found.commonPrefixes.length,
    MaxKeys: maxKeys,
    IsTruncated: found.next !== undefined,
    NextContinuationToken:
      found.next === undefined ? undefined : Buffer.from(found.next).toString('base64url'),
    Contents: found.objects.map((object) => ({
      Key: encode(object.key),
      LastModified: isoTime(object.lastModified),
      ETag: `"${object.etag}"`,
      Size: object.size,
      StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
    })),
    CommonPrefixes: found.commonPrefixes.map((Prefix) => ({ Prefix: encode(Prefix) })),
  })
}

/**
 * GET of a bucket with `versions`: one of each object, as a bucket without versioning has them.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
 */
export const listVersions: Operation = ({ store }, request) => {
  store.requireBucket(request.bucket)
  const { query, bucket } = request
  const prefix = query.get('prefix') ?? ''
  const maxKeys = Math.min(wholeNumber(query.get('max-keys'), 'max-keys') ?? 1000, 1000)
  const { objects, next } = list(store, bucket, prefix, '', query.get('key-marker') ?? '', maxKeys)
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : (text: string): string => text
  sendXml(request, 'ListVersionsResult', {
    Name: bucket,
    Prefix: encode(prefix),
    EncodingType: query.get('encoding-type'),
    MaxKeys: maxKeys,
    IsTruncated: next !== undefined,
    NextKeyMarker: next === undefined ? undefined : encode(next),
    NextVersionIdMarker: next === undefined ? undefined : 'null',
    Version: objects.map((object) => ({
      Key: encode(object.key),
      VersionId: 'null',
      IsLatest: true,
      LastModified: isoTime(object.lastModified),
      ETag: `"${object.etag}"`,
      Size: object.size,
      StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
    })),
  })
}

/** GET of the service. */
export const listBuckets: Operation = ({ store }, request) => {
  const Bucket = store
    .listBuckets()
    .map(({ name, createdAt }) => ({ Name: name, CreationDate: isoTime(createdAt) }))
  sendXml(request, 'ListAllMyBucketsResult', { Owner: { ID: 'local' }, Buckets: { Bucket } })
}

/** PUT of a bucket. */
export const createBucket: Operation = ({ store }, request) => {
  if (!store.createBucket(request.bucket))
    throw new S3Error('BucketAlreadyOwnedByYou', 'Your previous request to create the named bucket succeeded')
  sendEmpty(request, 200, { location: `/${request.bucket}` })
}

/** HEAD of a bucket. */
export const headBucket: Operation = ({ store }, request) => {
  store.requireBucket(request.bucket)
  sendEmpty(request, 200, { 'x-amz-bucket-region': region })
}

/** DELETE of a bucket, which must be empty. */
export const deleteBucket: Operation = ({ store }, request) => {
  store.deleteBucket(request.bucket)
  sendEmpty(request, 204)
}

/** GET `?location` */
export const getBucketLocation: Operation = ({ store }, request) => {
  store.requireBucket(request.bucket)
  sendXml(request, 'LocationConstraint', region)
}
