import { beforeAll, describe, expect, test } from 'vitest'
import { objectKey } from '../../../lib/ids.ts'
import type { ObjectEntry } from '../../../lib/storage/driver.ts'
import type { ContentHash } from '../../../lib/transfer/hash.ts'
import { createContentHash } from '../../../lib/transfer/hash.ts'
import { startHash } from '../../support/hashes.ts'
import { judge, judgeStored, settlementOf } from '../../../lib/transfer/verdict.ts'

const content = Buffer.from('what was sent')
const size = content.length
const kept = { rewritten: false }
const rewritten = { rewritten: true }

let hash: ContentHash
let sha256: string
beforeAll(async () => {
  hash = await createContentHash(startHash, ['sha256'])
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
    expect(judge(entry(), size, hash, kept)).toEqual({
      kind: 'proven',
      checksum: { algorithm: 'sha256', value: sha256, verdict: 'verified' },
    })
  })

  test('is a mismatch when the hash is another', () => {
    expect(judge(entry({ checksums: other }), size, hash, kept)).toMatchObject({
      kind: 'mismatch',
      checksum: { verdict: 'mismatch', value: other.sha256 },
    })
  })

  test('is a mismatch when the size is another, even without a hash', () => {
    expect(judge(entry({ size: size - 1, checksums: {} }), size, hash, kept).kind).toBe('mismatch')
  })

  test('is what SharePoint made of a file that it rewrites: its size is another too', () => {
    expect(judge(entry({ size: size + 900, checksums: other }), size, hash, rewritten)).toMatchObject({
      kind: 'proven',
      checksum: { verdict: 'provider_transformed', value: other.sha256 },
    })
    expect(judge(entry({ checksums: other }), size, hash, rewritten).kind).toBe('mismatch')
  })

  test('is asked for once more where the answer may be an old one', async () => {
    const now = entry({ size: size + 900, checksums: other })
    let asked = 0
    const stat = (): Promise<ObjectEntry> => {
      asked += 1
      return Promise.resolve(now)
    }
    const old = [entry({ checksums: other }), entry({ checksums: {} })]
    for (const answer of old) {
      expect(await judgeStored(answer, size, hash, { rewritten: true, stat })).toMatchObject({
        entry: now,
        verdict: { kind: 'proven', checksum: { verdict: 'provider_transformed' } },
      })
    }
    expect(asked).toBe(2)
    expect((await judgeStored(entry(), size, hash, { rewritten: true, stat })).verdict.kind).toBe('proven')
    expect((await judgeStored(now, size, hash, { rewritten: false, stat })).verdict.kind).toBe('mismatch')
    expect(asked).toBe(2)
  })

  test('is proven by its size when it is empty and has no hash', async () => {
    const nothing = await createContentHash(startHash, ['quickXorHash'])
    expect(judge(entry({ size: 0, checksums: {} }), 0, nothing, kept)).toEqual({ kind: 'proven' })
  })

  test('is not known yet while its hash is missing', () => {
    expect(judge(entry({ checksums: {} }), size, hash, kept)).toEqual({ kind: 'unknown' })
    // A hash that we did not compute says nothing.
    expect(judge(entry({ checksums: { md5: 'x' } }), size, hash, kept)).toEqual({ kind: 'unknown' })
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
