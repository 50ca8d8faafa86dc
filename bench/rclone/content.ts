import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

const pieceBytes = 1024 * 1024

/** Sends bytes that cost little to make and differ with the seed; answers what they hash to. */
export async function dropLarge(
  size: number,
  seed: Uint8Array,
  send: (body: Readable) => Promise<string>,
): Promise<{ readonly etag: string; readonly sha256: string }> {
  const hash = createHash('sha256')
  const block = Buffer.allocUnsafe(pieceBytes)
  for (let at = 0; at < pieceBytes; at += 4) block.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at)
  function* pieces(): Generator<Buffer, void, void> {
    for (let at = 0; at < size; at += pieceBytes) {
      const piece = Buffer.from(block.subarray(0, Math.min(pieceBytes, size - at)))
      piece.set(seed)
      piece.writeUInt32LE(at / pieceBytes, seed.length)
      hash.update(piece)
      yield piece
    }
  }
  const etag = await send(Readable.from(pieces()))
  return { etag, sha256: hash.digest('hex') }
}
