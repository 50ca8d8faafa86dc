import type { Buckets } from './buckets.ts'
import type { WireAnswer, WireRequest } from './in-process.ts'

/** S3 as its requests and answers look on the wire, over the world's buckets. */

export const storageHost = 'storage.example'

const xml = (name: string, inner: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><${name}>${inner}</${name}>`
const tag = (name: string, value: string | number): string => `<${name}>${String(value)}</${name}>`

interface Asked {
  readonly name: string
  readonly input: Record<string, unknown>
}
interface Answered extends Record<string, unknown> {
  readonly ETag?: string
  readonly Body?: AsyncIterable<Buffer>
}

export async function askStorage(buckets: Buckets, request: WireRequest, now: number): Promise<WireAnswer> {
  const { name, input } = commandOf(request)
  try {
    const answer = buckets.run({ constructor: { name }, input }, now, request.body) as Answered
    return await wireOf(name, request, answer)
  } catch (error) {
    const status = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata
      ?.httpStatusCode
    if (status === undefined) throw error
    const code = error instanceof Error ? error.name : ''
    const body = request.method === 'HEAD' ? '' : xml('Error', tag('Code', code) + tag('Message', code))
    return {
      status,
      headers: { 'content-type': 'application/xml' },
      body: Buffer.from(body),
      isBroken: false,
    }
  }
}

function commandOf({ method, url, headers, body }: WireRequest): Asked {
  const { pathname, searchParams: query } = new URL(url)
  const [, bucket = '', ...rest] = pathname.split('/')
  const Key = rest.map(decodeURIComponent).join('/')
  const uploadId = query.get('uploadId')
  const input = {
    Bucket: bucket,
    Key,
    ...(headers['if-match'] === undefined ? {} : { IfMatch: headers['if-match'] }),
    ...(headers['if-none-match'] === undefined ? {} : { IfNoneMatch: headers['if-none-match'] }),
    ...(headers['content-type'] === undefined ? {} : { ContentType: headers['content-type'] }),
    ...(headers['range'] === undefined ? {} : { Range: headers['range'] }),
    ...(headers['x-amz-checksum-sha256'] === undefined
      ? {}
      : { ChecksumSHA256: headers['x-amz-checksum-sha256'] }),
    ...(uploadId === null ? {} : { UploadId: uploadId, PartNumber: Number(query.get('partNumber')) }),
  }
  const named = (name: string, more: object = {}): Asked => ({
    name: `${name}Command`,
    input: { ...input, ...more },
  })
  if (method === 'HEAD') return named(Key === '' ? 'HeadBucket' : 'HeadObject')
  if (method === 'GET') return named(uploadId === null ? 'GetObject' : 'ListParts')
  if (method === 'DELETE') return named(uploadId === null ? 'DeleteObject' : 'AbortMultipartUpload')
  if (method === 'PUT') return named(uploadId === null ? 'PutObject' : 'UploadPart')
  if (query.has('uploads')) return named('CreateMultipartUpload')
  const parts = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    PartNumber: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
    ETag: (/<ETag>(.*?)</.exec(part)?.[1] ?? '').replaceAll('&quot;', '"'),
  }))
  return named('CompleteMultipartUpload', { MultipartUpload: { Parts: parts } })
}

async function wireOf(name: string, { method }: WireRequest, answer: Answered): Promise<WireAnswer> {
  const chunks: Buffer[] = []
  for await (const chunk of answer.Body ?? []) chunks.push(chunk)
  const text = textOf(name, answer)
  const body = text === undefined ? Buffer.concat(chunks) : Buffer.from(text)
  const { LastModified: lastModified } = answer
  const said = {
    etag: answer.ETag,
    'content-type': text === undefined ? answer['ContentType'] : 'application/xml',
    'content-range': answer['ContentRange'],
    'content-encoding': answer['ContentEncoding'],
    'last-modified': lastModified instanceof Date ? lastModified.toUTCString() : undefined,
    'x-amz-checksum-sha256': answer['ChecksumSHA256'],
    'content-length': method === 'HEAD' ? answer['ContentLength'] : body.length,
  }
  const headers = Object.fromEntries(
    Object.entries(said).flatMap(([header, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[header, String(value)]] : [],
    ),
  )
  const status = method === 'DELETE' ? 204 : answer['ContentRange'] === undefined ? 200 : 206
  return { status, headers, body, isBroken: false }
}

function textOf(name: string, answer: Answered): string | undefined {
  const etag = (answer.ETag ?? '').replaceAll('"', '&quot;')
  switch (name) {
    case 'CreateMultipartUploadCommand':
      return xml('InitiateMultipartUploadResult', tag('UploadId', String(answer['UploadId'])))
    case 'CompleteMultipartUploadCommand':
      return xml('CompleteMultipartUploadResult', tag('ETag', etag))
    case 'ListPartsCommand': {
      const parts = answer['Parts'] as readonly { PartNumber: number; Size: number; ETag: string }[]
      const listed = parts.map(({ PartNumber, Size, ETag }) =>
        tag(
          'Part',
          tag('PartNumber', PartNumber) + tag('Size', Size) + tag('ETag', ETag.replaceAll('"', '&quot;')),
        ),
      )
      return xml('ListPartsResult', tag('IsTruncated', 'false') + listed.join(''))
    }
    default:
      return undefined
  }
}
