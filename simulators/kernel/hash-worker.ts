// Runs in a worker thread: follows files that the main thread is
// writing and hashes what has been kept so far.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { HashAnswer, HashRequest, HashSetup, RunningHash, SharedPiece } from './hashes.ts'
import { loadHashers } from './hashes.ts'

interface Followed {
  fd: number
  offset: number
  hashes: Record<string, RunningHash>
}

const setup: HashSetup = workerData
const makers = await loadHashers(setup.specs, (name) => createHash(name))
const followed = new Map<string, Followed>()
const block = Buffer.allocUnsafeSlow(1024 * 1024)
const shared = Buffer.from(setup.memory)

function follow(id: string, path: string): Followed {
  const known = followed.get(id)
  if (known !== undefined) return known
  const hashes = Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, make()]))
  const opened = { fd: openSync(path, 'r'), offset: 0, hashes }
  followed.set(id, opened)
  return opened
}

function advance(file: Followed, to: number, piece?: SharedPiece): void {
  // Only the piece may still be on its way to the disk; all in front of it is there.
  const onDisk = piece === undefined ? to : to - piece.length
  while (file.offset < onDisk) {
    const read = readSync(file.fd, block, 0, Math.min(block.length, onDisk - file.offset), file.offset)
    if (read === 0) throw new Error('file is shorter than announced')
    take(file, block.subarray(0, read))
  }
  if (piece !== undefined && file.offset === onDisk)
    take(file, shared.subarray(piece.at, piece.at + piece.length))
}

function take(file: Followed, bytes: Buffer): void {
  for (const hash of Object.values(file.hashes)) hash.update(bytes)
  file.offset += bytes.length
}

function drop(id: string): void {
  const file = followed.get(id)
  if (file === undefined) return
  followed.delete(id)
  closeSync(file.fd)
}

function reply(answer: HashAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
  parentPort?.postMessage(answer)
}

parentPort?.on('message', (request: HashRequest) => {
  try {
    if (request.type === 'drop') {
      drop(request.id)
      return
    }
    const file = follow(request.id, request.path)
    if (request.type === 'advance') {
      for (const { to, piece } of request.steps) advance(file, to, piece)
      reply({ id: request.id, hashed: file.offset })
      return
    }
    advance(file, request.to)
    const digests = Object.entries(file.hashes).map(([name, hash]) => [name, hash.digest().toString('hex')])
    drop(request.id)
    reply({ ticket: request.ticket, digests: Object.fromEntries(digests) })
  } catch (error) {
    drop(request.id)
    // An advance that failed must not hold its upload up; the digest
    // at the end starts over and reports for itself.
    if (request.type === 'advance') reply({ id: request.id, hashed: Number.POSITIVE_INFINITY })
    if (request.type === 'digest') reply({ ticket: request.ticket, failure: String(error) })
  }
})
