import { S3Error } from './errors.ts'
import type { Precondition, StoredObject } from './store.ts'

const listed = (header: string, etag: string): boolean =>
  header === '*' ||
  header.split(',').some((item) => item.trim().replace(/^W\//, '').replaceAll('"', '') === etag)

const failed = (): S3Error =>
  new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')

/**
 * The conditions of a write: `If-None-Match: *` creates only, `If-Match` replaces only that version.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export const writePrecondition = (headers: ReadonlyMap<string, string>): Precondition => {
  const ifNoneMatch = headers.get('if-none-match')
  const ifMatch = headers.get('if-match')
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
    throw new S3Error('NotImplemented', 'If-None-Match on a write accepts only *')
  return (existing) => {
    if (ifNoneMatch === '*' && existing) throw failed()
    if (ifMatch === undefined) return
    if (!existing) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
    if (!listed(ifMatch, existing.etag)) throw failed()
  }
}

/**
 * The conditions of a read, in the order of RFC 9110 section 13.2.2.
 * @returns false when the answer is 304. @throws S3Error `PreconditionFailed`.
 */
export const readIsWanted = (headers: ReadonlyMap<string, string>, object: StoredObject): boolean => {
  const seconds = Math.floor(object.lastModified / 1000) * 1000
  const ifMatch = headers.get('if-match')
  const ifUnmodified = headers.get('if-unmodified-since')
  if (ifMatch !== undefined) {
    if (!listed(ifMatch, object.etag)) throw failed()
  } else if (ifUnmodified !== undefined && seconds > Date.parse(ifUnmodified)) {
    throw failed()
  }
  const ifNoneMatch = headers.get('if-none-match')
  if (ifNoneMatch !== undefined) return !listed(ifNoneMatch, object.etag)
  const ifModified = headers.get('if-modified-since')
  return ifModified === undefined || seconds > Date.parse(ifModified)
}
