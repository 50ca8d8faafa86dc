import { createHash, type Hash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Transform, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import { AwsChunkedDecoder } from './aws-chunked.ts'
import { S3Error } from './errors.ts'
import { wholeNumber, type S3Request } from './request.ts'

/** A body that lies complete on disk and matched every digest that its sender gave. */
export interface ReceivedBody {
  readonly size: number
  /** Hex. */
  readonly md5: string
  /** The checksum that the sender gave, by header name without `x-amz-checksum-`, base64. */
  readonly checksums: Readonly<Record<string, string>>
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const maxBodyBytes = 5 * 1024 ** 3

/** Not verified here, only kept and given back: crc32c and crc64nvme, which Node does not compute. */
const checksumNames = ['crc32', 'sha1', 'sha256', 'crc32c', 'crc64nvme'] as const

class Digests extends Transform {
  size = 0
  readonly #md5: Hash
  readonly #hashes = new Map<string, Hash>()
  #crc: number | undefined

  constructor(wanted: ReadonlySet<string>) {
    super({ highWaterMark: 1024 * 1024 })
    this.#md5 = createHash('md5')
    for (const name of ['sha1', 'sha256']) if (wanted.has(name)) this.#hashes.set(name, createHash(name))
    if (wanted.has('crc32')) this.#crc = 0
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.size += chunk.length
    if (this.size > maxBodyBytes) {
      done(new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size'))
      return
    }
    this.#md5.update(chunk)
    for (const hash of this.#hashes.values()) hash.update(chunk)
    if (this.#crc !== undefined) this.#crc = crc32(chunk, this.#crc)
    done(null, chunk)
  }

  finish(): { md5: Buffer; byName: Map<string, Buffer> } {
    const byName = new Map<string, Buffer>()
    for (const [name, hash] of this.#hashes) byName.set(name, hash.digest())
    if (this.#crc !== undefined) {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(this.#crc)
      byName.set('crc32', bytes)
    }
    return { md5: this.#md5.digest(), byName }
  }
}

const givenChecksums = (headers: ReadonlyMap<string, string>): Map<string, string> => {
  const given = new Map<string, string>()
  for (const name of checksumNames) {
    const value = headers.get(`x-amz-checksum-${name}`)
    if (value !== undefined) given.set(name, value)
  }
  return given
}

const wantedDigests = (
  request: S3Request,
  payloadHash: string,
  given: ReadonlyMap<string, string>,
): Set<string> => {
  const wanted = new Set(given.keys())
  const trailer = request.headers.get('x-amz-trailer')?.toLowerCase()
  if (trailer?.startsWith('x-amz-checksum-') === true) wanted.add(trailer.slice('x-amz-checksum-'.length))
  if (/^[0-9a-f]{64}$/.test(payloadHash)) wanted.add('sha256')
  return wanted
}

/**
 * Streams a request body to `path` with back-pressure, whatever its size, and checks its
 * length, its Content-MD5, its signed payload hash and its checksum header or trailer.
 * @throws S3Error `BadDigest`, `IncompleteBody`,
 * `XAmzContentSHA256Mismatch`, `EntityTooLarge` or `MissingContentLength`.
 */
export const receiveBody = async (request: S3Request, path: string): Promise<ReceivedBody> => {
  const { headers, message } = request
  const payloadHash = headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD'
  const chunked =
    payloadHash.startsWith('STREAMING-') || headers.get('content-encoding')?.includes('aws-chunked') === true
  const length = wholeNumber(
    headers.get(chunked ? 'x-amz-decoded-content-length' : 'content-length'),
    'Content-Length',
  )
  if (length === undefined)
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header')
  if (length > maxBodyBytes)
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
  const given = givenChecksums(headers)
  const digests = new Digests(wantedDigests(request, payloadHash, given))
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600, highWaterMark: 1024 * 1024 })
  if (chunked) {
    const decoder = new AwsChunkedDecoder()
    await pipeline(message, decoder, digests, file)
    for (const [name, value] of givenChecksums(decoder.trailers)) given.set(name, value)
  } else {
    await pipeline(message, digests, file)
  }
  if (digests.size !== length)
    throw new S3Error('IncompleteBody', 'You did not provide the number of bytes specified by Content-Length')
  const { md5, byName } = digests.finish()
  const contentMd5 = headers.get('content-md5')
  if (contentMd5 !== undefined && contentMd5 !== md5.toString('base64'))
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received')
  if (/^[0-9a-f]{64}$/.test(payloadHash) && byName.get('sha256')?.toString('hex') !== payloadHash)
    throw new S3Error(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed",
    )
  for (const [name, value] of given) {
    const computed = byName.get(name)?.toString('base64')
    if (computed !== undefined && computed !== value)
      throw new S3Error(
        'BadDigest',
        `The ${name.toUpperCase()} you specified did not match the calculated checksum`,
      )
  }
  return { size: digests.size, md5: md5.toString('hex'), checksums: Object.fromEntries(given) }
}
