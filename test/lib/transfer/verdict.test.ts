import { beforeAll, describe, expect, test } from 'vitest'
import { objectKey } from '../../../lib/ids.ts'
import type { ObjectEntry } from '../../../lib/storage/backend.ts'
import type { ContentHash } from '../../../lib/transfer/hash.ts'
import { createContentHash } from '../../../lib/transfer/hash.ts'
import { judge, settlementOf } from '../../../lib/transfer/verdict.ts'

const content = Buffer.from('what was sent')
const size = content.length
const personal = { extension: '.docx', rewritesOffice: false }
const work = { extension: '.docx', rewritesOffice: true }

let hash: ContentHash
let sha256: string
beforeAll(async () => {
  hash = await createContentHash(['sha256'])
  hash.update(content, 0)
  sha256 = hash.digest('sha256') ?? ''
})

const entry = (changes: Partial<ObjectEntry> = {}): ObjectEntry => ({
  objectKey: objectKey('id'),
  size,
  checksums: { sha256 },
  ...changes,
})
const other = { sha256: '0'.repeat(64) }

describe('what the provider says of the finished object', () => {
  test('is verified when size and hash are those of what was sent', () => {
    expect(judge(entry(), size, hash, personal)).toEqual({
      kind: 'proven',
      checksum: { algorithm: 'sha256', value: sha256, verdict: 'verified' },
    })
  })

  test('is a mismatch when the hash is another, whatever the account', () => {
    for (const account of [personal, work])
      expect(judge(entry({ checksums: other }), size, hash, account)).toMatchObject({
        kind: 'mismatch',
        checksum: { verdict: 'mismatch', value: other.sha256 },
      })
  })

  test('is a mismatch when the size is another, even without a hash', () => {
    expect(judge(entry({ size: size - 1, checksums: {} }), size, hash, personal).kind).toBe('mismatch')
  })

  test('is what SharePoint made of an Office file, on a work account only', () => {
    const rewritten = entry({ size: size + 900, checksums: other })
    expect(judge(rewritten, size, hash, work)).toMatchObject({
      kind: 'proven',
      checksum: { verdict: 'provider_transformed', value: other.sha256 },
    })
    expect(judge(rewritten, size, hash, personal).kind).toBe('mismatch')
    expect(judge(rewritten, size, hash, { ...work, extension: '.DOCX' }).kind).toBe('proven')
    expect(judge(rewritten, size, hash, { ...work, extension: '.pdf' }).kind).toBe('mismatch')
  })

  test('is not known yet while its hash is missing', () => {
    expect(judge(entry({ checksums: {} }), size, hash, personal)).toEqual({ kind: 'unknown' })
    // A hash that we did not compute says nothing.
    expect(judge(entry({ checksums: { md5: 'x' } }), size, hash, personal)).toEqual({ kind: 'unknown' })
  })
})

describe('the settlement', () => {
  test('of what cannot be known is stored, by its size alone', () => {
    expect(settlementOf(entry(), { kind: 'unknown' })).toEqual({ kind: 'stored', objectKey: 'id', size })
  })

  test('of a mismatch is a failure that names what to do and keeps the object’s key', () => {
    const settlement = settlementOf(entry(), { kind: 'mismatch' })
    expect(settlement).toMatchObject({ kind: 'failed', code: 'provider_error', objectKey: 'id' })
    expect(settlement).toHaveProperty('detail', expect.stringContaining('upload it again'))
  })
})
