import { attributesOf, tagsOfHeader } from './attributes.ts'
import { writePrecondition } from './conditions.ts'
import { requireRestored } from './get-object.ts'
import { S3Error } from './errors.ts'
import { receiveBody } from './receive-body.ts'
import type { S3Request } from './request.ts'
import { causeOf, isoTime, sendEmpty, sendXml, type Operation, type S3Service } from './service.ts'
import type { StoredObject } from './store.ts'

/** Checksum headers of an answer. */
export const checksumHeaders = (checksums: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(checksums).map(([name, value]) => [`x-amz-checksum-${name}`, value]))

/**
 * PUT of an object: the bytes go to a fresh file, and only when they are
 * complete and match every digest does one transaction make them the object,
 * so a reader or a crash sees the old object or the new one, never a mixture.
 */
export const putObject: Operation = async (service, request) => {
  const { store, files } = service
  store.requireBucket(request.bucket)
  const attributes = attributesOf(request)
  const precondition = writePrecondition(request.headers)
  precondition(store.find(request.bucket, request.key))
  const file = await files.create()
  try {
    const { size, md5, checksums } = await receiveBody(request, files.path(file))
    const { bucket, key } = request
    const object = { bucket, key, segments: [{ file, size }], size, etag: md5, checksums, ...attributes }
    const cause = causeOf(request, 'ObjectCreated:Put')
    const leftOver = store.transaction(() => store.replace(object, cause, precondition))
    service.notifier?.wake()
    sendEmpty(request, 200, { etag: `"${md5}"`, ...checksumHeaders(checksums) })
    await files.remove(leftOver)
  } catch (error) {
    if (store.find(request.bucket, request.key)?.segments[0]?.file !== file) await files.remove([file])
    throw error
  }
}

const copySource = (service: S3Service, header: string): StoredObject => {
  const path = decodeURIComponent(header.replace(/\?versionId=.*$/, '')).replace(/^\//, '')
  const slash = path.indexOf('/')
  service.store.requireBucket(path.slice(0, slash))
  const source = service.store.find(path.slice(0, slash), path.slice(slash + 1))
  if (!source) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  return source
}

/** A copy has the class that it asks for, else the usual one. */
const storageClassOf = ({ headers }: S3Request): Record<string, string> => ({
  'x-amz-storage-class': headers.get('x-amz-storage-class') ?? 'STANDARD',
})

const copiedAttributes = (
  request: S3Request,
  source: StoredObject,
): Pick<StoredObject, 'headers' | 'tags'> => ({
  headers:
    request.headers.get('x-amz-metadata-directive') === 'REPLACE'
      ? attributesOf(request).headers
      : { ...source.headers, ...storageClassOf(request) },
  tags:
    request.headers.get('x-amz-tagging-directive') === 'REPLACE'
      ? tagsOfHeader(request.headers)
      : source.tags,
})

/** PUT with `x-amz-copy-source`: the copy shares the bytes on disk and keeps the ETag. */
export const copyObject: Operation = async (service, request) => {
  const { store, files } = service
  const source = copySource(service, request.headers.get('x-amz-copy-source') ?? '')
  const ifMatch = request.headers.get('x-amz-copy-source-if-match')?.replaceAll('"', '')
  if (ifMatch !== undefined && ifMatch !== source.etag)
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
  requireRestored(source)
  const attributes = copiedAttributes(request, source)
  const release = files.hold(source.segments.map((segment) => segment.file))
  try {
    const segments = await Promise.all(
      source.segments.map(async ({ file, size }) => ({ file: await files.duplicate(file), size })),
    )
    const { bucket, key } = request
    const { size, etag, checksums } = source
    const cause = causeOf(request, 'ObjectCreated:Copy')
    const precondition = writePrecondition(request.headers)
    const leftOver = store.transaction(() =>
      store.replace({ bucket, key, segments, size, etag, checksums, ...attributes }, cause, precondition),
    )
    service.notifier?.wake()
    sendXml(request, 'CopyObjectResult', { ETag: `"${etag}"`, LastModified: isoTime(store.clock()) })
    await files.remove(leftOver)
  } finally {
    await release()
  }
}
