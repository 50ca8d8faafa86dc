import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { HashAlgorithm } from '../../../lib/providers/registry.ts'
import { createContentHash } from '../../../lib/transfer/hash.ts'
import { startHash } from '../../support/hashes.ts'
import { createQuickXor } from '../../../lib/providers/onedrive/quick-xor-hash.ts'

function quickXor(content: Uint8Array): string {
  const hash = createQuickXor()
  hash.update(content)
  return hash.digest()
}

/** The definition, bit by bit: slow and obvious. */
function quickXorByDefinition(content: Uint8Array): string {
  const mask = (1n << 160n) - 1n
  let state = 0n
  content.forEach((byte, index) => {
    const turn = BigInt((11 * index) % 160)
    const wide = BigInt(byte) << turn
    state ^= (wide & mask) | (wide >> 160n)
  })
  state ^= (BigInt(content.length) << 96n) & mask
  const bytes = Buffer.alloc(20)
  for (let index = 0; index < 20; index += 1) bytes[index] = Number((state >> BigInt(8 * index)) & 255n)
  return bytes.toString('base64')
}

describe('quickXorHash', () => {
  test.each([
    ['', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
    ['Sg==', 'SgAAAAAAAAAAAAAAAQAAAAAAAAA='],
    ['tbQ=', 'taAFAAAAAAAAAAAAAgAAAAAAAAA='],
    ['0pZP', '0rDEEwAAAAAAAAAAAwAAAAAAAAA='],
    ['/aNzzCFPS/A=', '/RjFHJgRgicsAR4ACAAAAAAAAAA='],
    ['2fuxhBJXtpWFe8dOfdGeHw==', 'O9tHLAghgSvYohKFyMMxnNCHaHg='],
    [Buffer.from('hello world').toString('base64'), 'aCgDG9jwBhDc4Q1yawMZAAAAAAA='],
    [
      Buffer.from('The quick brown fox jumps over the lazy dog').toString('base64'),
      'bMSlbysmxJL6S75XwfMcQZOpcr4=',
    ],
  ])('of %j is %s', (content, expected) => {
    expect(quickXor(Buffer.from(content, 'base64'))).toBe(expected)
  })

  test('of a mebibyte of zeros and of 1,000,003 counted bytes is as published', () => {
    expect(quickXor(new Uint8Array(1024 * 1024))).toBe('AAAAAAAAAAAAAAAAAAAQAAAAAAA=')
    expect(quickXor(Uint8Array.from({ length: 1_000_003 }, (_, i) => (7 * i + 3) % 256))).toBe(
      'k2b1zYSVrQw+YhHrwM9jRPpkJxs=',
    )
  })

  test('does not depend on how the content is cut, nor on where its chunks lie in memory', () => {
    const content = randomBytes(5000)
    const expected = quickXorByDefinition(content)
    expect(quickXor(content)).toBe(expected)
    for (const cut of [1, 7, 159, 160, 161, 640, 641, 1000]) {
      const hash = createQuickXor()
      for (let at = 0; at < content.length; at += cut) {
        const shifted = Buffer.alloc(cut + 3)
        const length = content.copy(shifted, at % 4, at, at + cut)
        hash.update(shifted.subarray(at % 4, (at % 4) + Math.min(length, content.length - at)))
      }
      expect(hash.digest(), `cut every ${String(cut)}`).toBe(expected)
    }
  })

  test('goes on from a saved state', () => {
    const content = randomBytes(4096)
    const first = createQuickXor()
    first.update(content.subarray(0, 1001))
    const second = createQuickXor(first.save())
    second.update(content.subarray(1001))
    expect(second.digest()).toBe(quickXorByDefinition(content))
  })
})

/** More than one attempt can be counted on to finish. */
const large = 9 * 1024 ** 3

describe('a content hash', () => {
  const content = randomBytes(300_000)
  const sha256 = createHash('sha256').update(content).digest('hex')
  const md5 = createHash('md5').update(content).digest('hex')

  test('gives every algorithm asked for, and none else', async () => {
    const hash = await createContentHash(startHash, ['sha256', 'md5', 'quickXorHash'], large)
    hash.update(content, 0)
    expect(hash.digest('sha256')).toBe(sha256)
    expect(hash.digest('md5')).toBe(md5)
    expect(hash.digest('quickXorHash')).toBe(quickXor(content))
    const other = await createContentHash(startHash, ['md5'], large)
    expect(other.digest('sha256')).toBeUndefined()
  })

  test('goes on in another process from the saved text, at any position', async () => {
    for (const at of [0, 1, 63, 64, 65, 100_000, content.length]) {
      const first = await createContentHash(startHash, ['sha256', 'quickXorHash'], large)
      first.update(content.subarray(0, at), 0)
      const second = await createContentHash(startHash, ['quickXorHash', 'sha256'], large, first.save())
      expect(second.position).toBe(at)
      second.update(content.subarray(at), at)
      expect(second.digest('sha256')).toBe(sha256)
      expect(second.digest('quickXorHash')).toBe(quickXor(content))
    }
  })

  test('skips what it has seen and refuses a gap', async () => {
    const hash = await createContentHash(startHash, ['sha256'], large)
    hash.update(content.subarray(0, 1000), 0)
    hash.update(content.subarray(500, 2000), 500)
    hash.update(content.subarray(0, 2000), 0)
    expect(hash.position).toBe(2000)
    expect(() => hash.update(content.subarray(3000), 3000)).toThrow(RangeError)
    hash.update(content.subarray(2000), 2000)
    expect(hash.digest('sha256')).toBe(sha256)
  })

  test('can be asked for its digest twice, and goes on after it', async () => {
    const hash = await createContentHash(startHash, ['sha256', 'md5'], large)
    hash.update(content.subarray(0, 777), 0)
    expect(hash.digest('sha256')).toBe(createHash('sha256').update(content.subarray(0, 777)).digest('hex'))
    hash.update(content.subarray(777), 777)
    expect(hash.digest('sha256')).toBe(sha256)
    expect(hash.digest('sha256')).toBe(sha256)
    expect(hash.digest('md5')).toBe(md5)
  })

  test('refuses an algorithm that it does not know, rather than computing another', async () => {
    await expect(createContentHash(startHash, ['content_hash' as HashAlgorithm], large)).rejects.toThrow(
      'No hash is known by the name content_hash.',
    )
  })

  test('begins again when a saved state is of other algorithms or damaged', async () => {
    const hash = await createContentHash(startHash, ['sha256'], large)
    hash.update(content, 0)
    expect((await createContentHash(startHash, ['md5'], large, hash.save())).position).toBe(0)
    expect((await createContentHash(startHash, ['sha256'], large, 'nonsense')).position).toBe(0)
  })

  test('of what one attempt can finish is Node’s own, and keeps no state', async () => {
    const hash = await createContentHash(
      () => Promise.reject(new Error('not this one')),
      ['sha256', 'md5'],
      content.length,
    )
    hash.update(content.subarray(0, 777), 0)
    expect(hash.save()).toBeUndefined()
    expect(hash.digest('md5')).toBe(createHash('md5').update(content.subarray(0, 777)).digest('hex'))
    hash.update(content.subarray(777), 777)
    expect(hash.digest('sha256')).toBe(sha256)
    expect(hash.digest('sha256')).toBe(sha256)
  })

  test('goes on from a saved state whatever the size is', async () => {
    const first = await createContentHash(startHash, ['sha256'], large)
    first.update(content.subarray(0, 1000), 0)
    const second = await createContentHash(startHash, ['sha256'], content.length, first.save())
    expect(second.position).toBe(1000)
    second.update(content.subarray(1000), 1000)
    expect(second.digest('sha256')).toBe(sha256)
  })
})
