import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { copyFile, constants, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { HashSpec } from './hashes.ts'
import { loadHashers, openHashPool } from './hashes.ts'

/** File content on disk. Ids are file names: letters, digits, `_`, `-` and `.` only. */
export interface BlobStore {
  /**
   * Streams `source` into `id` from `offset`; whatever stood at or behind `offset` before is gone. Back-pressured.
   * When the source fails, what arrived is kept and its size returned: the caller compares with what it expected.
   * @param limit at most that many bytes are taken; the source is left open
   * @param granularity when the source ends early or fails, only a whole multiple of this (counted from 0) is kept
   * @returns bytes written
   */
  write(
    id: string,
    offset: number,
    source: Readable,
    limit?: number,
    granularity?: Granularity,
  ): Promise<number>
  read(id: string, range?: { start: number; end: number }): Readable
  /** 0 when there is no such blob */
  size(id: string): Promise<number>
  /** Cuts the blob to `size` bytes. */
  truncate(id: string, size: number): Promise<void>
  delete(id: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  /** Every configured hash of the whole blob, lower-case hex by name. Hashed during `write`, so this is quick. */
  digests(id: string): Promise<Record<string, string>>
  close(): Promise<void>
}

/** What an interrupted or short write keeps; `expected` is the number of bytes at which nothing is dropped. */
export interface Granularity {
  unit: number
  expected: number | undefined
}

const BATCH = 1024 * 1024
// Hashing may trail what is on disk by this much before an upload waits for it.
const HASH_LAG = 64 * 1024 * 1024

/**
 * Opens `{dir}` for content.
 * @param groups the hashes kept for every blob, one worker thread per group
 */
export function openBlobs(dir: string, groups: HashSpec[][]): BlobStore {
  const ready = mkdir(dir, { recursive: true })
  const pool = openHashPool(groups)
  const makers = loadHashers(groups.flat())
  const hashedUpTo = new Map<string, number>()
  const file = (id: string): string => {
    if (!/^[\w.-]+$/.test(id)) throw new Error('not a blob id')
    return join(dir, id)
  }
  const settle = (id: string, offset: number): void => {
    // Bytes already hashed are about to be replaced: that run is worthless, the digest starts over from the disk.
    if ((hashedUpTo.get(id) ?? 0) > offset) {
      hashedUpTo.delete(id)
      pool.drop(id)
    }
  }
  const announce = (id: string, to: number): void => {
    if (to < BATCH || to <= (hashedUpTo.get(id) ?? 0)) return
    hashedUpTo.set(id, to)
    pool.advance(id, file(id), to)
  }

  return {
    async write(id, offset, source, limit = Number.POSITIVE_INFINITY, granularity) {
      await ready
      settle(id, offset)
      // A fresh inode: a copy may share the old one, and a download in progress goes on reading what it began.
      if (offset === 0) await rm(file(id), { force: true })
      const handle = await open(file(id), constants.O_RDWR | constants.O_CREAT, 0o600)
      try {
        await handle.truncate(offset)
        let written = await pump(handle, offset, source, limit, async (to) => {
          announce(id, to - (to % BATCH))
          await pool.within(id, HASH_LAG)
        })
        if (granularity !== undefined && written !== granularity.expected) {
          const end = offset + written
          written = Math.max(0, end - (end % granularity.unit) - offset)
          await handle.truncate(offset + written)
          settle(id, offset + written)
        }
        announce(id, offset + written)
        return written
      } finally {
        await handle.close()
      }
    },
    read: (id, range) => createReadStream(file(id), { ...range, highWaterMark: BATCH }),
    size: (id) =>
      stat(file(id)).then(
        (found) => found.size,
        () => 0,
      ),
    async truncate(id, size) {
      settle(id, size)
      const handle = await open(file(id), constants.O_RDWR | constants.O_CREAT, 0o600)
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
      if (found.size < BATCH && !hashedUpTo.has(id)) {
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
}

/** Takes chunks as they come and writes them in batches, one write in flight while the next batch fills. */
async function pump(
  handle: FileHandle,
  offset: number,
  source: Readable,
  limit: number,
  progress: (to: number) => Promise<void>,
): Promise<number> {
  let batch: Buffer[] = []
  let batched = 0
  let taken = 0
  let position = offset
  let inFlight: Promise<void> = Promise.resolve()
  const flush = async (): Promise<void> => {
    await inFlight
    const chunks = batch
    const bytes = batched
    if (bytes === 0) return
    batch = []
    batched = 0
    const end = position + bytes
    inFlight = writeAll(handle, chunks, bytes, position).then(() => progress(end))
    // Handled at the next await of `inFlight`; without this a failure in between would count as unhandled.
    inFlight.catch(() => undefined)
    position = end
  }
  if (limit > 0) {
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false })) {
        const piece: Buffer = taken + chunk.length > limit ? chunk.subarray(0, limit - taken) : chunk
        batch.push(piece)
        batched += piece.length
        taken += piece.length
        if (batched >= BATCH) await flush()
        if (taken >= limit) break
      }
    } catch (error) {
      // The source broke off: what arrived stays. A failing disk is another matter.
      if (!source.errored && !source.destroyed) throw error
    }
  }
  await flush()
  await inFlight
  return taken
}

async function writeAll(
  handle: FileHandle,
  chunks: Buffer[],
  bytes: number,
  position: number,
): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks, position)
  if (bytesWritten === bytes) return
  // A short write is rare (disk full, signal): finish byte-exact from one buffer.
  const rest = Buffer.concat(chunks).subarray(bytesWritten)
  for (let done = 0; done < rest.length;) {
    const step = await handle.write(rest, done, rest.length - done, position + bytesWritten + done)
    done += step.bytesWritten
  }
}
