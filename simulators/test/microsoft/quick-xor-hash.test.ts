import { describe, expect, it } from 'vitest'
import { createHasher } from '../../microsoft/drive/quick-xor-hash.ts'

function hash(...chunks: Uint8Array[]): string {
  const hasher = createHasher()
  for (const chunk of chunks) hasher.update(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
  return hasher.digest().toString('base64')
}

const sevens = Buffer.alloc(1_000_003)
for (let i = 0; i < sevens.length; i++) sevens[i] = (7 * i + 3) % 256

describe('quickXorHash', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
    ['one byte', Buffer.from('Sg==', 'base64'), 'SgAAAAAAAAAAAAAAAQAAAAAAAAA='],
    ['two bytes', Buffer.from('tbQ=', 'base64'), 'taAFAAAAAAAAAAAAAgAAAAAAAAA='],
    ['three bytes', Buffer.from('0pZP', 'base64'), '0rDEEwAAAAAAAAAAAwAAAAAAAAA='],
    ['eight bytes', Buffer.from('/aNzzCFPS/A=', 'base64'), '/RjFHJgRgicsAR4ACAAAAAAAAAA='],
    ['sixteen bytes', Buffer.from('2fuxhBJXtpWFe8dOfdGeHw==', 'base64'), 'O9tHLAghgSvYohKFyMMxnNCHaHg='],
    ['hello world', Buffer.from('hello world'), 'aCgDG9jwBhDc4Q1yawMZAAAAAAA='],
    ['a pangram', Buffer.from('The quick brown fox jumps over the lazy dog'), 'bMSlbysmxJL6S75XwfMcQZOpcr4='],
    ['1 MiB of zero bytes', Buffer.alloc(1024 * 1024), 'AAAAAAAAAAAAAAAAAAAQAAAAAAA='],
    ['1,000,003 patterned bytes', sevens, 'k2b1zYSVrQw+YhHrwM9jRPpkJxs='],
  ])('D.10 the hash of %s is the published one', (_name, bytes, expected) => {
    expect(hash(bytes)).toBe(expected)
  })

  it('D.10 the hash does not depend on how the content is cut or aligned in memory', () => {
    const chunks: Buffer[] = []
    for (let at = 0, n = 1; at < sevens.length; at += n, n = 1 + ((n * 7919) % 4099)) {
      chunks.push(sevens.subarray(at, at + n))
    }
    expect(hash(...chunks)).toBe('k2b1zYSVrQw+YhHrwM9jRPpkJxs=')
  })
})
