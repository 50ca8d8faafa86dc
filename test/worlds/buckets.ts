import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { verifyClaim, splitCredential } from '../../emulators/signature.ts'
import type { Command } from './tables.ts'

export interface Stored {
  readonly bytes: Buffer
  readonly etag: string
  readonly modifiedAt: number
  readonly contentType: string
  readonly contentEncoding?: string | undefined
  tags: Readonly<Record<string, string>>
}

interface Multipart {
  readonly bucket: string
  readonly key: string
  readonly contentType: string
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>
}

const failure = (name: string, status: number): Error =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode: status }, $fault: 'client' })
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')
const typeOf = ({ ContentType }: Command['input']): string =>
  typeof ContentType === 'string' ? ContentType : 'binary/octet-stream'
const quoted = (etag: string): string => `"${etag}"`
const success = { $metadata: { httpStatusCode: 200 } }

/** S3's buckets, as far as the project asks. `onCreated` is told of each object, as a notification is. */
export class Buckets {
  readonly objects = new Map<string, Stored>()
  readonly uploads = new Map<string, Multipart>()
  readonly #onCreated: (bucket: string, key: string, stored: Stored, sequencer: string) => void
  #count = 0

  constructor(onCreated: (bucket: string, key: string, stored: Stored, sequencer: string) => void) {
    this.#onCreated = onCreated
  }

  of(bucket: string): [key: string, stored: Stored][] {
    const prefix = `${bucket}/`
    return [...this.objects]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, stored]) => [name.slice(prefix.length), stored])
  }

  put(bucket: string, key: string, stored: Omit<Stored, 'etag' | 'tags'>, etag = md5(stored.bytes)): Stored {
    this.#count += 1
    const made = { ...stored, etag, tags: {} }
    this.objects.set(`${bucket}/${key}`, made)
    this.#onCreated(bucket, key, made, this.#count.toString(16).padStart(16, '0'))
    return made
  }

  /** A PUT to a signed URL; what S3 says to it. */
  putSigned(url: string, headers: Readonly<Record<string, string>>, bytes: Buffer, now: number): number {
    const { pathname, searchParams } = new URL(url)
    const read = (name: string): string => searchParams.get(name) ?? ''
    const [, bucket = '', ...rest] = pathname.split('/')
    const sent = { ...headers, host: 's3.localhost', 'content-length': String(bytes.length) }
    const timestamp = read('X-Amz-Date')
    const signedAt = Date.parse(
      timestamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
    )
    if (now > signedAt + Number(read('X-Amz-Expires')) * 1000) return 403
    const claim = {
      ...splitCredential(read('X-Amz-Credential')),
      signedHeaders: read('X-Amz-SignedHeaders').split(';'),
      signature: read('X-Amz-Signature'),
      timestamp,
      payloadHash: 'UNSIGNED-PAYLOAD',
    }
    const message = { method: 'PUT', path: pathname, query: searchParams, headers: sent }
    try {
      verifyClaim(message, claim, { accessKeyId: 'local', secretAccessKey: 'local' })
    } catch {
      return 403
    }
    const checksum = headers['x-amz-checksum-sha256']
    if (checksum !== undefined && checksum !== sha256(bytes)) return 400
    const contentType = headers['content-type'] ?? 'binary/octet-stream'
    this.put(bucket, decodeURIComponent(rest.join('/')), { bytes, modifiedAt: now, contentType })
    return 200
  }

  run({ constructor, input }: Command, now: number, bytes: Buffer = Buffer.alloc(0)): unknown {
    const bucket = String(input['Bucket'])
    const key = String(input['Key'])
    const name = `${bucket}/${key}`
    const standing = this.objects.get(name)
    switch (constructor.name) {
      case 'HeadBucketCommand':
        return success
      case 'HeadObjectCommand':
        if (!standing) throw failure('NotFound', 404)
        return { ...success, ...headOf(standing), ChecksumSHA256: checksumOf(standing, bucket) }
      case 'GetObjectCommand':
        return read(standing, input)
      case 'DeleteObjectCommand':
        if (standing && input['IfMatch'] !== undefined && input['IfMatch'] !== quoted(standing.etag))
          throw failure('PreconditionFailed', 412)
        this.objects.delete(name)
        return success
      case 'PutObjectCommand': {
        if (input['IfNoneMatch'] === '*' && standing) throw failure('PreconditionFailed', 412)
        const wanted = input['ChecksumSHA256']
        if (wanted !== undefined && wanted !== sha256(bytes)) throw failure('BadDigest', 400)
        const contentType = typeOf(input)
        const { etag } = this.put(bucket, key, { bytes, modifiedAt: now, contentType })
        return { ...success, ETag: quoted(etag), ChecksumSHA256: wanted }
      }
      case 'PutObjectTaggingCommand': {
        if (!standing) throw failure('NoSuchKey', 404)
        const { TagSet } = input['Tagging'] as { readonly TagSet: readonly { Key: string; Value: string }[] }
        standing.tags = Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value]))
        return success
      }
      case 'GetObjectTaggingCommand':
        if (!standing) throw failure('NoSuchKey', 404)
        return { TagSet: Object.entries(standing.tags).map(([Key, Value]) => ({ Key, Value })) }
      case 'ListObjectsV2Command':
        return {
          Contents: this.of(bucket)
            .sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
            .map(
              ([
                Key,
                {
                  bytes: { length },
                  modifiedAt,
                },
              ]) => ({
                Key,
                Size: length,
                LastModified: new Date(modifiedAt),
              }),
            ),
        }
      default:
        return this.#multipart(constructor.name, input, now, bytes)
    }
  }

  #multipart(command: string, input: Command['input'], now: number, bytes: Buffer): unknown {
    const bucket = String(input['Bucket'])
    const key = String(input['Key'])
    if (command === 'CreateMultipartUploadCommand') {
      this.#count += 1
      const id = `upload-${String(this.#count)}`
      const contentType = typeOf(input)
      this.uploads.set(id, { bucket, key, contentType, parts: new Map() })
      return { ...success, UploadId: id }
    }
    const id = String(input['UploadId'])
    const upload = this.uploads.get(id)
    if (!upload) throw failure('NoSuchUpload', 404)
    switch (command) {
      case 'UploadPartCommand': {
        const etag = md5(bytes)
        upload.parts.set(Number(input['PartNumber']), { bytes, etag })
        return { ...success, ETag: quoted(etag) }
      }
      case 'ListPartsCommand':
        return {
          ...success,
          Parts: [...upload.parts]
            .sort(([one], [other]) => one - other)
            .map(
              ([
                PartNumber,
                {
                  bytes: { length: Size },
                  etag,
                },
              ]) => ({ PartNumber, Size, ETag: quoted(etag) }),
            ),
        }
      case 'AbortMultipartUploadCommand':
        this.uploads.delete(id)
        return success
      case 'CompleteMultipartUploadCommand': {
        if (input['IfNoneMatch'] === '*' && this.objects.has(`${bucket}/${key}`))
          throw failure('PreconditionFailed', 412)
        const { Parts } = input['MultipartUpload'] as {
          readonly Parts: readonly { PartNumber: number; ETag: string }[]
        }
        const named = Parts.map(({ PartNumber, ETag }) => {
          const part = upload.parts.get(PartNumber)
          if (part === undefined || quoted(part.etag) !== ETag) throw failure('InvalidPart', 400)
          return part
        })
        const joined = createHash('md5')
        for (const { etag } of named) joined.update(etag, 'hex')
        const etag = `${joined.digest('hex')}-${String(named.length)}`
        const content = Buffer.concat(named.map((part) => part.bytes))
        this.uploads.delete(id)
        this.put(bucket, key, { bytes: content, modifiedAt: now, contentType: upload.contentType }, etag)
        return { ...success, ETag: quoted(etag) }
      }
      default:
        throw new Error(`${command} is not played here.`)
    }
  }
}

/** S3 keeps a SHA-256 only where it was sent with the object, and of one that was sent whole. */
const checksumOf = ({ bytes, etag }: Stored, bucket: string): string | undefined =>
  bucket.endsWith('-storage') && !etag.includes('-') ? sha256(bytes) : undefined

const headOf = ({ bytes, etag, contentType, contentEncoding, modifiedAt }: Stored) => ({
  ContentLength: bytes.length,
  ETag: quoted(etag),
  ContentType: contentType,
  ...(contentEncoding === undefined ? {} : { ContentEncoding: contentEncoding }),
  LastModified: new Date(modifiedAt),
})

function read(standing: Stored | undefined, input: Command['input']): unknown {
  if (!standing) throw failure('NoSuchKey', 404)
  if (input['IfMatch'] !== undefined && input['IfMatch'] !== quoted(standing.etag))
    throw failure('PreconditionFailed', 412)
  const { bytes } = standing
  const body = (part: Buffer): Readable =>
    Readable.from(part.length === 0 ? [] : [part], { objectMode: false })
  const range = input['Range']
  if (typeof range !== 'string') return { ...success, ...headOf(standing), Body: body(bytes) }
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  const start = first === '' ? Math.max(0, bytes.length - Number(last)) : Number(first)
  const end = first === '' || last === '' ? bytes.length - 1 : Math.min(Number(last), bytes.length - 1)
  if (start >= bytes.length) throw failure('InvalidRange', 416)
  return {
    ...success,
    ...headOf(standing),
    ContentLength: end - start + 1,
    ContentRange: `bytes ${String(start)}-${String(end)}/${String(bytes.length)}`,
    Body: body(bytes.subarray(start, end + 1)),
  }
}
