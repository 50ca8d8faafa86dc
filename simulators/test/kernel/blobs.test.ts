import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BlobStream } from '../../kernel/blob-stream.ts'
import type { BlobStore } from '../../kernel/blobs.ts'
import { openBlobs } from '../../kernel/blobs.ts'

const MIB = 1024 * 1024
let dir: string
let blobs: BlobStore

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'blobs-'))
  blobs = openBlobs(dir, [['md5'], ['sha256']])
})
afterAll(async () => {
  await blobs.close()
  await rm(dir, { recursive: true, force: true })
})

function sample(length: number, salt = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 13 + (i >> 9) + salt) & 0xff
  return bytes
}
function pieces(bytes: Buffer, size: number): Readable {
  return Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    ),
  )
}
const hex = (name: string, bytes: Buffer): string => createHash(name).update(bytes).digest('hex')

async function expectBlob(id: string, bytes: Buffer): Promise<void> {
  expect(await blobs.size(id)).toBe(bytes.length)
  expect((await buffer(blobs.read(id))).equals(bytes)).toBe(true)
  expect(await blobs.digests(id)).toEqual({ md5: hex('md5', bytes), sha256: hex('sha256', bytes) })
}

it.each([0, 1, 4096, MIB - 1, MIB, MIB + 1, 5 * MIB, 12 * MIB + 777])(
  '0 keeps and hashes %i bytes in any chunking',
  async (length) => {
    const bytes = sample(length)
    for (const size of [65_536, 300_001, 3 * MIB]) {
      expect(await blobs.write(`n${length}`, 0, pieces(bytes, size))).toBe(length)
      await expectBlob(`n${length}`, bytes)
    }
  },
)

it('0 goes on at an offset, also in small and odd steps, and hashes across them', async () => {
  const bytes = sample(4 * MIB + 99)
  const cuts = [0, 100, 262_144, MIB, 2 * MIB + 5, 4 * MIB, bytes.length]
  for (const [i, from] of cuts.slice(0, -1).entries()) {
    await blobs.write('steps', from, pieces(bytes.subarray(from, cuts[i + 1]), 65_536))
  }
  await expectBlob('steps', bytes)
})

it('0 forgets what stood behind the offset, hashes included', async () => {
  const old = sample(6 * MIB)
  const fresh = sample(3 * MIB, 5)
  await blobs.write('back', 0, pieces(old, 65_536))
  await blobs.write('back', 2 * MIB, pieces(fresh, 65_536))
  await expectBlob('back', Buffer.concat([old.subarray(0, 2 * MIB), fresh]))
})

it('0 keeps what arrived from a source that fails, in whole units when asked to', async () => {
  const bytes = sample(3 * MIB + 1000)
  const source = new PassThrough()
  const writing = blobs.write('cut', 0, source, undefined, { unit: 262_144, expected: 8 * MIB })
  for (let at = 0; at < bytes.length; at += 65_536) source.write(bytes.subarray(at, at + 65_536))
  source.once('drain', () => source.destroy(new Error('gone')))
  const kept = await writing
  expect(kept % 262_144).toBe(0)
  await expectBlob('cut', bytes.subarray(0, kept))
})

it('0 takes no more than the limit and leaves the source open', async () => {
  const source = pieces(sample(2 * MIB), 65_536)
  expect(await blobs.write('limit', 0, source, MIB + 3)).toBe(MIB + 3)
  expect(source.destroyed).toBe(false)
  await expectBlob('limit', sample(2 * MIB).subarray(0, MIB + 3))
})

it('0 a copy keeps its content when the original is written anew or deleted', async () => {
  const bytes = sample(2 * MIB)
  await blobs.write('origin', 0, pieces(bytes, 65_536))
  await blobs.copy('origin', 'copy')
  await blobs.write('origin', 0, pieces(sample(MIB, 3), 65_536))
  await expectBlob('copy', bytes)
  await blobs.delete('origin')
  expect(await blobs.size('origin')).toBe(0)
  expect((await readFile(join(dir, 'copy'))).equals(bytes)).toBe(true)
})

it.each([
  [0, 0],
  [5, 4099],
  [4096, 3 * MIB],
  [MIB - 1, MIB],
  [3 * MIB + 10, 4 * MIB + 9],
])('0 reads the range %i-%i, streamed and sent on', async (start, end) => {
  const bytes = sample(4 * MIB + 10)
  await blobs.write('range', 0, pieces(bytes, 65_536))
  const wanted = bytes.subarray(start, end + 1)
  expect((await buffer(blobs.read('range', { start, end }))).equals(wanted)).toBe(true)
  const stream = blobs.read('range', { start, end })
  const through = new PassThrough()
  const received = buffer(through)
  let counted = 0
  const count = (n: number): void => {
    counted += n
  }
  // Without direct I/O the stream says so and is piped instead.
  if (!(stream instanceof BlobStream) || !(await stream.sendTo(through, count)))
    stream.on('data', (d: Buffer) => count(d.length)).pipe(through)
  expect((await received).equals(wanted)).toBe(true)
  expect(counted).toBe(wanted.length)
})

it('0 hashes forty uploads at once, more than there are blocks for', async () => {
  const work = Array.from({ length: 40 }, async (_, i) => {
    const bytes = sample(3 * MIB + i * 1000, i)
    await blobs.write(`many${i}`, 0, pieces(bytes, 100_000))
    expect(await blobs.digests(`many${i}`)).toEqual({ md5: hex('md5', bytes), sha256: hex('sha256', bytes) })
  })
  await Promise.all(work)
})

it('0 refuses an id that is no file name', async () => {
  await expect(blobs.write('../out', 0, Readable.from([]))).rejects.toThrow('not a blob id')
})
