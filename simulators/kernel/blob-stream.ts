import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { Readable } from 'node:stream'
import type { Block, BlockPool } from './blocks.ts'
import { BLOCK, openDirect, SECTOR } from './blocks.ts'

/**
 * A file's bytes, to be read like every stream, or passed straight on to a socket without a copy in between.
 */
export class BlobStream extends Readable {
  readonly #path: string
  readonly #end: number
  readonly #pool: BlockPool
  #position: number
  #file: FileHandle | undefined

  /** @param range first and last byte, both included; the whole file without it */
  constructor(path: string, pool: BlockPool, range?: { start: number; end: number }) {
    super({ highWaterMark: BLOCK })
    this.#path = path
    this.#pool = pool
    this.#position = range?.start ?? 0
    this.#end = range === undefined ? Number.POSITIVE_INFINITY : range.end + 1
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const file = this.#file
    this.#file = undefined
    void closeQuietly(file)
    done(error)
  }

  async #next(): Promise<Buffer | null> {
    this.#file ??= await open(this.#path, 'r')
    const length = Math.min(BLOCK, this.#end - this.#position)
    if (length <= 0) return null
    const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, this.#position)
    this.#position += bytesRead
    return bytesRead === 0 ? null : buffer.subarray(0, bytesRead)
  }

  /**
   * Sends everything to `target` and ends it, past the page cache and from two blocks of memory, one being
   * read while the other is on its way. Nothing may have been read from the stream before.
   * @param count told how many bytes each step passed on
   * @returns false, with nothing sent, when that is impossible: the caller pipes instead
   */
  async sendTo(target: Writable, count: (bytes: number) => void): Promise<boolean> {
    const file = await openDirect(this.#path, constants.O_RDONLY)
    const blocks =
      file === undefined ? [] : [this.#pool.take(), this.#pool.take()].filter((block) => block !== undefined)
    if (file === undefined || blocks.length < 2) {
      for (const block of blocks) this.#pool.give(block)
      await file?.close()
      return false
    }
    const closed = new Promise<void>((resolve) => target.once('close', resolve))
    const busy = new Map<Block, Promise<unknown>>()
    try {
      for (let turn = 0; !target.destroyed; turn += 1) {
        const block = blocks[turn % blocks.length]
        if (block === undefined) break
        await busy.get(block)
        const piece = await this.#aligned(file, block)
        if (piece === undefined) break
        count(piece.length)
        const written = new Promise<void>((resolve) => target.write(piece, () => resolve()))
        busy.set(block, Promise.race([written, closed]))
      }
      await Promise.all(busy.values())
    } finally {
      for (const block of blocks) this.#pool.give(block)
      await file.close()
      this.destroy()
    }
    target.end()
    return true
  }

  /** The next piece, read at a position and with a length that are whole sectors, cut to what is wanted. */
  async #aligned(file: FileHandle, block: Block): Promise<Buffer | undefined> {
    const from = this.#position - (this.#position % SECTOR)
    const skip = this.#position - from
    if (this.#position >= this.#end) return undefined
    const { bytesRead } = await file.read(block.bytes, 0, BLOCK, from)
    const piece = block.bytes.subarray(skip, Math.min(bytesRead, this.#end - from))
    this.#position += piece.length
    return piece.length === 0 ? undefined : piece
  }
}

// The descriptor is only read from: how its closing goes is of no interest to the reader.
async function closeQuietly(file: FileHandle | undefined): Promise<void> {
  await file?.close().catch(() => undefined)
}
