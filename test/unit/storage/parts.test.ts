import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { ObjectEntry } from '../../../lib/storage/driver.ts'
import { objectKey } from '../../../lib/ids.ts'
import {
  contentOf,
  hexDigest,
  objectBody,
  plainContentType,
  resolveRange,
} from '../../../lib/storage/bytes.ts'
import { isSameContent } from '../../../lib/storage/write-whole.ts'
import { s3Error } from '../../../lib/providers/s3/errors.ts'
import { toEntry } from '../../../lib/providers/s3/wire.ts'
import { breaking, bytesAt, bytesOf, generated } from '../../support/content.ts'

describe('the body of an object', () => {
  it('is the wanted part of a longer answer, which is not read to its end', async () => {
    const source = generated(10_000_000).open()
    const part = await bytesOf(objectBody(source, { skip: 70_000, length: 100_000, more: true }))
    expect(part.equals(bytesAt(70_000, 169_999))).toBe(true)
    expect(source.destroyed).toBe(true)
    expect(source.readableEnded).toBe(false)
  })

  it('may end where the longer answer ends', async () => {
    const part = objectBody(generated(100_000).open(), { skip: 90_000, length: 10_000, more: true })
    expect(await bytesOf(part)).toHaveLength(10_000)
  })

  it.each([
    ['too short', generated(99).open(), 100],
    ['too long', generated(101).open(), 100],
    ['broken', breaking(100_000, 70_000, new Error('reset')).open(), 100_000],
  ])('that is %s is an error', async (_what, source, length) => {
    await expect(bytesOf(objectBody(source, { length }))).rejects.toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true, ambiguous: false },
    })
  })

  it('that nobody wants any more lets its source go', async () => {
    const source = generated(10_000_000).open()
    objectBody(source, { length: 10_000_000 }).destroy()
    await new Promise((resolve) => source.once('close', resolve))
    expect(source.destroyed).toBe(true)
  })

  it('can be empty', async () => {
    expect(await bytesOf(objectBody(Readable.from([], { objectMode: false }), { length: 0 }))).toHaveLength(0)
  })
})

describe('a range', () => {
  it('is cut to the object', () => {
    expect(resolveRange({ start: 3 }, 10)).toEqual({ start: 3, end: 9 })
    expect(resolveRange({ start: 3, end: 99 }, 10)).toEqual({ start: 3, end: 9 })
    expect(resolveRange({ suffix: 99 }, 10)).toEqual({ start: 0, end: 9 })
  })

  it.each([[{ start: 10 }], [{ start: 5, end: 4 }], [{ suffix: 0 }], [{ start: -1, end: 4 }]])(
    'like %o of ten bytes is none',
    (range) => {
      expect(() => resolveRange(range, 10)).toThrow('range_not_satisfiable')
    },
  )

  it('of nothing is none', () => {
    expect(() => resolveRange({ start: 0 }, 0)).toThrow('range_not_satisfiable')
    expect(() => resolveRange({ suffix: 5 }, 0)).toThrow('range_not_satisfiable')
  })
})

describe('the same content', () => {
  const content = contentOf(Buffer.from('hello'))
  const entry = (size: number, checksums: ObjectEntry['checksums']): ObjectEntry => ({
    objectKey: objectKey('x'),
    size,
    checksums,
  })
  const md5 = '5d41402abc4b2a76b9719d911017c592'
  const hash = { algorithm: 'md5', late: false, start: () => hexDigest('md5') } as const

  it('has the same size and the same hash', async () => {
    expect(await isSameContent(entry(5, { md5 }), content, hash)).toBe(true)
    expect(await isSameContent(entry(6, { md5 }), content, hash)).toBe(false)
    expect(await isSameContent(entry(5, { md5: md5.replace('5', '6') }), content, hash)).toBe(false)
  })

  it('is never taken for granted without a hash to compare', async () => {
    expect(await isSameContent(entry(5, {}), content, hash)).toBe(false)
    expect(await isSameContent(entry(5, { quickXorHash: 'x' }), content, hash)).toBe(false)
    expect(await isSameContent(entry(5, { md5 }), content, undefined)).toBe(false)
  })

  it('is nothing when there is nothing: no hash proves more', async () => {
    expect(await isSameContent(entry(0, {}), contentOf(Buffer.alloc(0)), hash)).toBe(true)
  })
})

describe('a content type', () => {
  it.each([
    ['text/plain; charset=utf-8', 'text/plain; charset=utf-8'],
    ['text/plain\r\nx: y', 'application/octet-stream'],
    ['plain', 'application/octet-stream'],
    ['', 'application/octet-stream'],
  ])('%o is sent as %s', (given, sent) => {
    expect(plainContentType(given)).toBe(sent)
  })
})

describe('S3’s errors', () => {
  const thrown = (name: string, httpStatusCode?: number) =>
    Object.assign(new Error('text with a secret'), { name, $metadata: { httpStatusCode } })
  it.each([
    ['NoSuchKey', 404, 'object_missing', false],
    ['NotFound', 404, 'object_missing', false],
    ['AccessDenied', 403, 'operator_attention', false],
    ['NoSuchBucket', 404, 'operator_attention', false],
    ['SignatureDoesNotMatch', 403, 'operator_attention', false],
    ['SlowDown', 503, 'provider_throttled', true],
    ['TooManyRequests', 429, 'provider_throttled', true],
    ['InternalError', 500, 'provider_unavailable', true],
    ['ServiceUnavailable', 503, 'provider_unavailable', true],
    ['RequestTimeout', 400, 'provider_unavailable', true],
    ['XMinioStorageFull', 507, 'provider_quota_exceeded', false],
    ['TimeoutError', undefined, 'provider_unavailable', true],
    ['InvalidArgument', 400, 'provider_error', false],
  ])('%s is %s', (name, status, code, retryable) => {
    const error = s3Error(thrown(name, status), { writing: true })
    expect(error).toMatchObject({ code, retry: { retryable }, context: { providerCode: name } })
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('secret')
  })

  it('what the operator has to mend is marked', () => {
    expect(s3Error(thrown('AccessDenied', 403), { writing: false }).context.operatorFault).toBe(true)
    expect(s3Error(thrown('NoSuchKey', 404), { writing: false }).context.operatorFault).toBeUndefined()
  })

  it('a lost answer leaves open whether a write was done, and not whether a read was', () => {
    expect(s3Error(thrown('TimeoutError'), { writing: true }).retry.ambiguous).toBe(true)
    expect(s3Error(thrown('TimeoutError'), { writing: false }).retry.ambiguous).toBe(false)
  })
})

describe('an object in S3', () => {
  it('has no hash of its own when it came in parts', () => {
    expect(toEntry('alice/doc.txt', { size: 1, sha256: 'AAAA-3' }).checksums).toEqual({})
    expect(
      toEntry('alice/doc.txt', { size: 1, sha256: Buffer.from('ab', 'hex').toString('base64') }),
    ).toEqual({
      objectKey: 'alice/doc.txt',
      size: 1,
      name: 'doc.txt',
      checksums: { sha256: 'ab' },
    })
  })
})
