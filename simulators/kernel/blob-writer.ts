import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream'
import type { Block, BlockPool } from './blocks.ts'
import { BLOCK } from './blocks.ts'

/** Where a stream of bytes goes. */
export interface WriteTarget {
  /** through the page cache: takes any position and length */
  file: FileHandle
  /** past the page cache: whole blocks at aligned positions; undefined where there is none */
  direct: FileHandle | undefined
  pool: BlockPool
  /**
   * the bytes up to `to` are on their way to the disk and will not change; the last of them stand in `block`
   */
  filled(to: number, block: Block | undefined): void
  /** resolves once a block behind `to` is no longer read by anybody */
  released(to: number): Promise<void>
}

// Blocks of one stream that may be on their way to the disk and the hashes at once.
const IN_FLIGHT = 8

/**
 * Takes a source in blocks of one megabyte: one fills from the network while the ones before
 * are written and hashed. A source that fails ends the writing; what arrived before is kept.
 * @returns bytes taken, all of them written
 */
export async function writeStream(
  target: WriteTarget,
  offset: number,
  source: Readable,
  limit: number,
): Promise<number> {
  let taken = 0
  let position = offset
  let current = openBatch(target)
  const flying: Promise<void>[] = []
  // Announced strictly in order, so that whoever reads on finds everything in front on the disk.
  let announced: Promise<void> = Promise.resolve()
  const launch = (): void => {
    const landed = land(target, current, position, announced)
    announced = landed.announced
    flying.push(landed.done)
    // Failures show when the flight is awaited; without this one in between would count as unhandled.
    landed.done.catch(() => undefined)
    position += current.size
    current = openBatch(target)
  }
  const take = (chunk: Buffer): Promise<void> | undefined => {
    taken += chunk.length
    for (let rest = chunk; rest.length > 0;) {
      rest = append(current, rest)
      if (current.size === BLOCK) launch()
    }
    return flying.length >= IN_FLIGHT ? flying.shift() : undefined
  }
  try {
    if (limit > 0) await consume(source, limit, take)
    if (current.size > 0) launch()
  } finally {
    // Also after a failure nothing may still be writing when the caller closes the file.
    await Promise.allSettled(flying)
    if (current.block !== undefined) target.pool.give(current.block)
  }
  await Promise.all(flying)
  return taken
}

/**
 * Hands over chunks as they come, without a promise for each; stops the flow while `take` asks to wait.
 * Resolves at the limit, at the end, and also when the source breaks off; rejects when `take`'s promise does.
 */
function consume(
  source: Readable,
  limit: number,
  take: (chunk: Buffer) => Promise<void> | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = limit
    const stop = (settle: () => void): void => {
      source.off('data', receive)
      unwatch()
      source.pause()
      settle()
    }
    const receive = (chunk: Buffer): void => {
      const piece = chunk.length > left ? chunk.subarray(0, left) : chunk
      left -= piece.length
      const wait = take(piece)
      if (wait !== undefined) {
        source.pause()
        wait.then(
          () => left > 0 && source.resume(),
          (error: Error) => stop(() => reject(error)),
        )
      }
      if (left <= 0) stop(resolve)
    }
    const unwatch = finished(source, { writable: false }, () => stop(resolve))
    source.on('data', receive)
  })
}

interface Batch {
  block: Block | undefined
  chunks: Buffer[]
  size: number
}

function openBatch(target: WriteTarget): Batch {
  return { block: target.direct === undefined ? undefined : target.pool.take(), chunks: [], size: 0 }
}

/** Puts what fits into the batch; what does not comes back. */
function append(batch: Batch, chunk: Buffer): Buffer {
  const piece = chunk.subarray(0, BLOCK - batch.size)
  if (batch.block === undefined) batch.chunks.push(piece)
  else piece.copy(batch.block.bytes, batch.size)
  batch.size += piece.length
  return chunk.subarray(piece.length)
}

/**
 * Writes one batch. `announced` resolves (never fails) once hashing
 * has been told of it, `done` when it is on the disk.
 */
function land(
  target: WriteTarget,
  batch: Batch,
  position: number,
  before: Promise<void>,
): { announced: Promise<void>; done: Promise<void> } {
  const { block, size } = batch
  const end = position + size
  const whole = size === BLOCK
  const shared = whole && target.direct !== undefined ? block : undefined
  const write =
    shared !== undefined && target.direct !== undefined
      ? writeWhole(target.direct, shared.bytes, position)
      : writeBatch(target.file, batch, position)
  // A whole block in shared memory can be hashed before it is
  // written; anything else is read back from the file.
  const ready = shared === undefined ? Promise.allSettled([before, write]) : before
  const announced = ready.then(() => {
    if (whole) target.filled(end, shared)
  })
  const finish = async (): Promise<void> => {
    try {
      await write
      await announced
      if (whole) await target.released(end)
    } finally {
      if (block !== undefined) target.pool.give(block)
    }
  }
  return { announced, done: finish() }
}

async function writeBatch(file: FileHandle, { block, chunks, size }: Batch, position: number): Promise<void> {
  const content = block === undefined ? chunks : [block.bytes.subarray(0, size)]
  const { bytesWritten } = await file.writev(content, position)
  // A short write is rare (disk full, signal): finish byte-exact from one buffer.
  if (bytesWritten < size)
    await writeWhole(file, Buffer.concat(content).subarray(bytesWritten), position + bytesWritten)
}

async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}
