import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'
import type { ObjectAttributes } from './store.ts'

const keptHeaders = [
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'cache-control',
  'expires',
  'x-amz-storage-class',
]
const maxMetadataBytes = 2048

/** Checks tags as S3 does. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
export const checkTags = (pairs: readonly (readonly [string, string])[]): Record<string, string> => {
  const tags = Object.fromEntries(pairs)
  if (pairs.length > 10) throw new S3Error('InvalidTag', 'Object tags cannot be greater than 10')
  if (Object.keys(tags).length !== pairs.length)
    throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key')
  for (const [key, value] of pairs) {
    if (key.length === 0 || key.length > 128 || value.length > 256)
      throw new S3Error('InvalidTag', 'The tag key or value is invalid')
  }
  return tags
}

/** The tags of an `x-amz-tagging` header, which is written as a query string. */
export const tagsOfHeader = (headers: ReadonlyMap<string, string>): Record<string, string> =>
  checkTags([...new URLSearchParams(headers.get('x-amz-tagging') ?? '')])

/** What the headers of a PUT, a copy or a multipart start say of the object. */
export const attributesOf = ({ headers }: S3Request): ObjectAttributes => {
  const kept: Record<string, string> = { 'content-type': 'application/octet-stream' }
  let metadataBytes = 0
  for (const [name, value] of headers) {
    if (name.startsWith('x-amz-meta-'))
      metadataBytes += name.length - 'x-amz-meta-'.length + Buffer.byteLength(value)
    else if (!keptHeaders.includes(name)) continue
    kept[name] = value
  }
  if (metadataBytes > maxMetadataBytes)
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size')
  if (kept['x-amz-storage-class'] === 'STANDARD') delete kept['x-amz-storage-class']
  const encoding = kept['content-encoding']
    ?.split(',')
    .map((item) => item.trim())
    .filter((item) => item !== 'aws-chunked')
  if (encoding?.length === 0) delete kept['content-encoding']
  else if (encoding) kept['content-encoding'] = encoding.join(',')
  return { headers: kept, tags: tagsOfHeader(headers) }
}
