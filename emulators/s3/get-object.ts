import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readIsWanted } from './conditions.ts'
import { S3Error } from './errors.ts'
import type { FileStore } from './files.ts'
import type { S3Request } from './request.ts'
import { sendEmpty, type Operation, type S3Service } from './service.ts'
import type { Segment, StoredObject } from './store.ts'

interface ByteRange {
  readonly start: number
  /** Inclusive. */
  readonly end: number
}

const readChunkBytes = 512 * 1024

const overridable = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
]

/** The one range of a Range header; several ranges or an unreadable header count as none, as S3 does. */
const parseRange = (header: string | undefined, size: number): ByteRange | undefined => {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  const [, first = '', last = ''] = match ?? []
  if (!match || (first === '' && last === '')) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (start >= size || (first === '' && Number(last) === 0))
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable')
  return { start, end }
}

const requireObject = (service: S3Service, request: S3Request): StoredObject => {
  service.store.requireBucket(request.bucket)
  const object = service.store.find(request.bucket, request.key)
  if (!object) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  return object
}

/**
 * What is archived is not given out.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
 */
export const requireRestored = ({ headers }: StoredObject): void => {
  if (/^(GLACIER|DEEP_ARCHIVE)$/.test(headers['x-amz-storage-class'] ?? ''))
    throw new S3Error('InvalidObjectState', "The operation is not valid for the object's storage class")
}

const objectHeaders = (request: S3Request, object: StoredObject, whole: boolean): Record<string, string> => {
  const headers: Record<string, string> = {
    ...object.headers,
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
  }
  const tagCount = Object.keys(object.tags).length
  if (tagCount > 0) headers['x-amz-tagging-count'] = String(tagCount)
  if (whole && request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') {
    for (const [name, value] of Object.entries(object.checksums)) {
      headers[`x-amz-checksum-${name}`] = value
      headers['x-amz-checksum-type'] = 'FULL_OBJECT'
    }
  }
  for (const name of overridable) {
    const value = request.query.get(`response-${name}`)
    if (value !== undefined) headers[name] = value
  }
  return headers
}

async function* readSegments(
  files: FileStore,
  segments: readonly Segment[],
  range: ByteRange,
): AsyncGenerator<Buffer> {
  let offset = 0
  for (const { file, size } of segments) {
    const start = Math.max(range.start - offset, 0)
    const end = Math.min(range.end - offset, size - 1)
    offset += size
    if (start > end) continue
    for await (const chunk of createReadStream(files.path(file), {
      start,
      end,
      highWaterMark: readChunkBytes,
    }))
      yield chunk
  }
}

/** Sends the bytes with back-pressure; one file goes straight from its stream. */
const sendBytes = (
  files: FileStore,
  segments: readonly Segment[],
  range: ByteRange,
  request: S3Request,
): Promise<void> => {
  const [only] = segments
  if (only && segments.length === 1)
    return pipeline(
      createReadStream(files.path(only.file), { ...range, highWaterMark: readChunkBytes }),
      request.response,
    )
  return pipeline(
    Readable.from(readSegments(files, segments, range), { objectMode: false }),
    request.response,
  )
}

/** GET and HEAD of an object. */
export const getObject: Operation = async (service, request) => {
  const object = requireObject(service, request)
  if (!readIsWanted(request.headers, object)) {
    sendEmpty(request, 304, { etag: `"${object.etag}"` })
    return
  }
  if (request.method === 'GET') requireRestored(object)
  const range = parseRange(request.headers.get('range'), object.size)
  const { start, end } = range ?? { start: 0, end: object.size - 1 }
  const headers = {
    ...objectHeaders(request, object, range === undefined),
    'content-length': String(end - start + 1),
    ...(range ? { 'content-range': `bytes ${start}-${end}/${object.size}` } : {}),
  }
  request.response.writeHead(range ? 206 : 200, headers)
  if (request.method === 'HEAD' || object.size === 0) {
    request.response.end()
    return
  }
  const release = service.files.hold(object.segments.map((segment) => segment.file))
  try {
    await sendBytes(service.files, object.segments, { start, end }, request)
  } finally {
    await release()
  }
}
