import { describe, expect, test } from 'vitest'
import { objectKey } from '../../../lib/ids.ts'
import type { HashAlgorithm } from '../../../lib/providers/registry.ts'
import type { ObjectEntry } from '../../../lib/storage/driver.ts'
import type { Sent } from '../../../lib/transfer/judge.ts'
import { algorithmsFor, judge } from '../../../lib/transfer/judge.ts'

const size = 13
const right = 'a'.repeat(64)
const wrong = '0'.repeat(64)
const sent = (algorithms: readonly HashAlgorithm[] = ['sha256'], bytes = size): Sent => ({
  size: bytes,
  algorithms,
  digest: (algorithm) => (algorithms.includes(algorithm) ? right : undefined),
})
const entry = (changes: Partial<ObjectEntry> = {}): ObjectEntry => ({
  objectKey: objectKey('id'),
  size,
  checksums: { sha256: right },
  ...changes,
})
const plain = { rewrites: false, late: false }
const rewriting = { rewrites: true, late: true }
const late = { rewrites: false, late: true }

describe('what the provider says of the finished object', () => {
  test('is verified when its own hash is that of what was sent', () => {
    const hash = { algorithm: 'sha256', value: right }
    expect(judge(entry(), sent(), plain)).toEqual({ verdict: 'verified', size, hash })
  })

  test('is verified by its hash also where it states a size that is none of the content', () => {
    expect(judge(entry({ size: 99 }), sent(), plain)).toMatchObject({ verdict: 'verified', size })
  })

  test('is a mismatch when the hash is another', () => {
    const found = judge(entry({ checksums: { sha256: wrong } }), sent(), plain)
    expect(found).toMatchObject({ verdict: 'mismatch', hash: { value: wrong } })
  })

  test('is a mismatch when the size is another and no hash will come', () => {
    expect(judge(entry({ size: size - 1, checksums: {} }), sent(), plain).verdict).toBe('mismatch')
  })

  test('is the drive’s own work where it rewrites such files: size and hash are others', () => {
    const found = judge(entry({ size: size + 900, checksums: { sha256: wrong } }), sent(), rewriting)
    expect(found).toMatchObject({ verdict: 'provider_transformed', size: size + 900, hash: { value: wrong } })
  })

  test('is damage also there when the size is the same and the hash is not', () => {
    expect(judge(entry({ checksums: { sha256: wrong } }), sent(), rewriting).verdict).toBe('mismatch')
  })

  test('is unverified while a late hash is missing, with what it has to be', () => {
    const proof = { algorithm: 'sha256', value: right }
    expect(judge(entry({ checksums: {} }), sent(), late)).toEqual({
      verdict: 'unverified',
      size,
      hash: proof,
      prove: proof,
    })
    // A size that is another may be for good; the hash will tell.
    expect(judge(entry({ size: 99, checksums: {} }), sent(), late)).toMatchObject({
      verdict: 'unverified',
      size,
    })
  })

  test('is unverified for good where the provider gives no hash of such content', () => {
    expect(judge(entry({ checksums: {} }), sent(), plain)).not.toHaveProperty('prove')
    // A hash that we did not compute says nothing.
    expect(judge(entry({ checksums: { md5: 'x' } }), sent(), plain).verdict).toBe('unverified')
    expect(judge(entry({ checksums: {} }), sent([]), plain)).toEqual({ verdict: 'unverified', size })
  })

  test('of an empty file has nothing to prove', () => {
    const found = judge(entry({ size: 0, checksums: {} }), sent(['sha256'], 0), late)
    expect(found.verdict).toBe('unverified')
    expect(found).not.toHaveProperty('prove')
  })
})

test('what is hashed is the provider’s own algorithm, and what the client announced', () => {
  const start = () => ({ update: () => undefined, digest: () => '' })
  const traits = { singleRequestBytes: 1, rewrites: () => false }
  const quick = { traits: { ...traits, hash: { algorithm: 'quickXorHash' as const, late: true, start } } }
  expect(algorithmsFor(quick, undefined)).toEqual(['quickXorHash'])
  expect(algorithmsFor(quick, right)).toEqual(['quickXorHash', 'sha256'])
  expect(algorithmsFor({ traits }, undefined)).toEqual([])
})
