import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { BlobStore } from './blobs.ts'
import type { HashSpec } from './hashes.ts'
import { loadHashers } from './hashes.ts'

/** File content in memory, as `openBlobs` keeps it on disk, with the same hashes. */
export function memoryBlobs(groups: HashSpec[][]): BlobStore {
  const contents = new Map<string, Buffer>()
  const makers = loadHashers(groups.flat())
  const contentOf = (id: string): Buffer => contents.get(id) ?? Buffer.alloc(0)

  const blobs: BlobStore = {
    async write(id, offset, source, limit = Number.POSITIVE_INFINITY, granularity) {
      const taken = await upTo(source, limit)
      let written = taken.length
      if (granularity !== undefined && written !== granularity.expected) {
        const end = offset + written
        written = Math.max(0, end - (end % granularity.unit) - offset)
      }
      contents.set(id, Buffer.concat([contentOf(id).subarray(0, offset), taken.subarray(0, written)]))
      return written
    },
    read(id, range) {
      const content = contentOf(id)
      const part = range === undefined ? content : content.subarray(range.start, range.end + 1)
      return Readable.from(part.length === 0 ? [] : [part], { objectMode: false })
    },
    size: (id) => Promise.resolve(contentOf(id).length),
    grow(id, bytes) {
      contents.set(id, Buffer.concat([contentOf(id), Buffer.alloc(bytes, 'rewritten ')]))
      return blobs.size(id)
    },
    truncate(id, size) {
      contents.set(id, contentOf(id).subarray(0, size))
      return Promise.resolve()
    },
    delete(id) {
      contents.delete(id)
      return Promise.resolve()
    },
    copy(from, to) {
      contents.set(to, contentOf(from))
      return Promise.resolve()
    },
    async digests(id) {
      const entries = Object.entries(await makers).map(([name, make]) => {
        const hash = make()
        hash.update(contentOf(id))
        return [name, hash.digest().toString('hex')]
      })
      return Object.fromEntries(entries)
    },
    close: () => Promise.resolve(),
  }
  return blobs
}

/** What arrives, up to the limit; also when the source breaks off. It is left open. */
async function upTo(source: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let left = limit
  const take = (chunk: Buffer): void => {
    const piece = chunk.subarray(0, left)
    left -= piece.length
    if (piece.length > 0) chunks.push(piece)
  }
  source.on('data', take)
  await finished(source, { writable: false }).catch(() => undefined)
  source.off('data', take)
  return Buffer.concat(chunks)
}
