import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { BlobStream } from './blob-stream.ts'
import { writeStream } from './blob-writer.ts'
import { BLOCK, openBlockPool, openDirect, SECTOR } from './blocks.ts'
import type { HashSpec } from './hashes.ts'
import { loadHashers, openHashPool } from './hashes.ts'

/** File content on disk. Ids are file names: letters, digits, `_`, `-` and `.` only. */
export interface BlobStore {
  /**
   * Streams `source` into `id` from `offset`; whatever stood from there on is gone. When the source fails,
   * what arrived is kept and its size returned.
   * @param limit at most that many bytes are taken; the source is left open
   * @param granularity of a source that fails or ends early, a whole multiple of this is kept
   * @returns bytes written
   */
  write(
    id: string,
    offset: number,
    source: Readable,
    limit?: number,
    granularity?: Granularity,
  ): Promise<number>
  /** the bytes, or a range of them; handed to `Exchange.send` as it is, it goes out without a copy */
  read(id: string, range?: { start: number; end: number }): Readable
  /** 0 when there is no such blob */
  size(id: string): Promise<number>
  /** Adds `bytes` bytes at the end, as a provider does that rewrites files; answers the new size. */
  grow(id: string, bytes: number): Promise<number>
  /** Cuts the blob to `size` bytes. */
  truncate(id: string, size: number): Promise<void>
  delete(id: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  /**
   * Every configured hash of the whole blob, lower-case hex by name. Hashed during `write`, so this is quick.
   */
  digests(id: string): Promise<Record<string, string>>
  close(): Promise<void>
}

/**
 * What an interrupted or short write keeps; `expected` is the number of bytes at which nothing is dropped.
 */
export interface Granularity {
  unit: number
  expected: number | undefined
}

const READ_WRITE = constants.O_RDWR | constants.O_CREAT

/**
 * Opens `{dir}` for content.
 * @param groups the hashes kept for every blob, one worker thread per group
 */
export function openBlobs(dir: string, groups: HashSpec[][]): BlobStore {
  const ready = mkdir(dir, { recursive: true })
  const blocks = openBlockPool()
  const pool = openHashPool(groups, blocks.memory)
  const makers = loadHashers(groups.flat())
  const hashedUpTo = new Map<string, number>()
  const file = (id: string): string => {
    if (!/^[\w.-]+$/.test(id)) throw new Error('not a blob id')
    return join(dir, id)
  }
  const settle = (id: string, offset: number): void => {
    // Bytes already hashed are about to be replaced: that run is
    // worthless, the digest starts over from the disk.
    if ((hashedUpTo.get(id) ?? 0) > offset) {
      hashedUpTo.delete(id)
      pool.drop(id)
    }
  }
  const announce = (id: string, to: number, at?: number): void => {
    if (to < BLOCK || to <= (hashedUpTo.get(id) ?? 0)) return
    hashedUpTo.set(id, to)
    pool.advance(id, file(id), to, at === undefined ? undefined : { at, length: BLOCK })
  }

  const blobs: BlobStore = {
    async write(id, offset, source, limit = Number.POSITIVE_INFINITY, granularity) {
      await ready
      settle(id, offset)
      // A fresh inode: a copy may share the old one, and a download
      // in progress goes on reading what it began.
      if (offset === 0) await rm(file(id), { force: true })
      const handle = await open(file(id), READ_WRITE, 0o600)
      const direct = offset % SECTOR === 0 ? await openDirect(file(id), constants.O_WRONLY) : undefined
      try {
        await handle.truncate(offset)
        const target = {
          file: handle,
          direct,
          pool: blocks,
          filled: (to: number, block?: { at: number }) => announce(id, to, block?.at),
          released: (to: number) => pool.reached(id, to),
        }
        let written = await writeStream(target, offset, source, limit)
        if (granularity !== undefined && written !== granularity.expected) {
          const end = offset + written
          written = Math.max(0, end - (end % granularity.unit) - offset)
          await handle.truncate(offset + written)
          settle(id, offset + written)
        }
        announce(id, offset + written)
        return written
      } finally {
        await direct?.close()
        await handle.close()
      }
    },
    read: (id, range) => new BlobStream(file(id), blocks, range),
    size: (id) =>
      stat(file(id)).then(
        (found) => found.size,
        () => 0,
      ),
    async grow(id, bytes) {
      const size = await blobs.size(id)
      if (bytes === 0) return size
      return size + (await blobs.write(id, size, Readable.from([Buffer.alloc(bytes, 'rewritten ')])))
    },
    async truncate(id, size) {
      settle(id, size)
      const handle = await open(file(id), READ_WRITE, 0o600)
      try {
        await handle.truncate(size)
      } finally {
        await handle.close()
      }
    },
    async delete(id) {
      settle(id, -1)
      await rm(file(id), { force: true })
    },
    async copy(from, to) {
      // Finished content never changes, so a second name is a copy; other file systems get a real one.
      await link(file(from), file(to)).catch(() => copyFile(file(from), file(to), constants.COPYFILE_FICLONE))
    },
    async digests(id) {
      const found = await stat(file(id))
      if (found.size < BLOCK && !hashedUpTo.has(id)) {
        const content = await readFile(file(id))
        const entries = Object.entries(await makers).map(([name, make]) => {
          const hash = make()
          hash.update(content)
          return [name, hash.digest().toString('hex')]
        })
        return Object.fromEntries(entries)
      }
      hashedUpTo.delete(id)
      return pool.digest(id, file(id), found.size)
    },
    close: () => pool.close(),
  }
  return blobs
}
