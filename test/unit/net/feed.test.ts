import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ServiceError } from '../../../lib/errors.ts'
import { openFeed } from '../../../lib/net/feed.ts'
import { bytesAt } from '../../support/content.ts'
import { instantClock } from '../../support/instant-clock.ts'
import { serve } from '../../support/serve.ts'

const mebibyte = 1024 * 1024
/** Twelve buffers hold less than half of it. */
const size = 30 * mebibyte + 12_345
const content = bytesAt(0, size - 1)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Answers ranges as S3 does, each connection for itself; what it was asked for is in `asked`. */
function bucket(answer: (res: ServerResponse, bytes: Buffer, request: number) => void = whole) {
  const asked: (string | undefined)[] = []
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    asked.push(req.headers.range)
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '') ?? []
    answer(res, content.subarray(Number(start), Number(end) + 1), asked.length)
  }
  return { asked, handle }
}

function head(res: ServerResponse, bytes: Buffer, status = 206): void {
  res.writeHead(status, { 'Content-Length': bytes.length, etag: '"it"' })
}

function whole(res: ServerResponse, bytes: Buffer): void {
  head(res, bytes)
  res.end(bytes)
}

function cut(after: number) {
  return (res: ServerResponse, bytes: Buffer): void => {
    head(res, bytes)
    res.write(bytes.subarray(0, after), () => res.destroy())
  }
}

const given = new AbortController()
const feedOf = (origin: string, start = 0, signal = given.signal) =>
  openFeed(start, size, {
    clock: instantClock(),
    signal,
    address: () => Promise.resolve({ url: `${origin}/object`, headers: { 'if-match': '"it"' } }),
    refused: (status) =>
      new ServiceError('internal_error', `It said ${String(status)}.`, {
        retry: { retryable: status === 0 || status >= 500 },
      }),
  })

/** Takes everything, pieces of at most `most`; the memory is used again as soon as it is given back. */
async function drain(feed: ReturnType<typeof openFeed>, bytes: number, most = size) {
  const hash = createHash('sha256')
  const buffers = new Set<ArrayBufferLike>()
  for (let left = bytes; left > 0;) {
    const piece = await feed.take(most)
    hash.update(piece)
    buffers.add(piece.buffer)
    left -= piece.length
    feed.give(piece)
  }
  return { sha256: hash.digest('hex'), buffers: buffers.size }
}

describe('a feed', () => {
  it('brings all bytes by one request, in a few buffers that are used again', async () => {
    const { asked, handle } = bucket()
    const all = await drain(feedOf(await serve(handle)), size)
    expect(all.sha256).toBe(sha256(content))
    expect(all.buffers).toBeLessThanOrEqual(12)
    expect(asked).toEqual([`bytes=0-${String(size - 1)}`])
  })

  it('begins anywhere, and gives pieces of any size', async () => {
    const origin = await serve(bucket().handle)
    const start = 5_000_001
    const all = await drain(feedOf(origin, start), size - start, 777_777)
    expect(all.sha256).toBe(sha256(content.subarray(start)))
  })

  it('goes on where it stood when a connection breaks', async () => {
    const breaks = [1_500_000, 0, 70_000, 9 * mebibyte]
    const { asked, handle } = bucket((res, bytes, request) => {
      const after = breaks[request - 1]
      if (after === undefined) whole(res, bytes)
      else cut(after)(res, bytes)
    })
    expect((await drain(feedOf(await serve(handle)), size)).sha256).toBe(sha256(content))
    expect(asked).toHaveLength(5)
    expect(new Set(asked.map((range) => range?.split('-')[1]))).toEqual(new Set([String(size - 1)]))
  })

  it('gives up a server that brings nothing four times in a row', async () => {
    const { asked, handle } = bucket(cut(0))
    await expect(drain(feedOf(await serve(handle)), size)).rejects.toMatchObject({ code: 'internal_error' })
    expect(asked).toHaveLength(4)
  })

  it.each([
    [503, 4],
    [412, 1],
    [200, 1],
  ])('tells what %i means, after as many tries as that is worth', async (status, tries) => {
    const { asked, handle } = bucket((res) => {
      head(res, Buffer.from('no'), status)
      res.end('no')
    })
    const failed = drain(feedOf(await serve(handle)), size)
    await expect(failed).rejects.toThrow(`It said ${String(status)}.`)
    expect(asked).toHaveLength(tries)
  })

  it('takes a whole answer for what it is where it asked for everything', async () => {
    const { handle } = bucket((res, bytes) => {
      head(res, bytes, 200)
      res.end(bytes)
    })
    expect((await drain(feedOf(await serve(handle)), size)).sha256).toBe(sha256(content))
  })

  it('reads a head that comes in pieces', async () => {
    const { handle } = bucket((res, bytes) => {
      const { socket } = res
      const text = `HTTP/1.1 206 Partial Content\r\ncontent-length: ${String(bytes.length)}\r\n\r\n`
      socket?.write(text.slice(0, 20), () => {
        socket.write(text.slice(20))
        socket.write(bytes)
      })
    })
    expect((await drain(feedOf(await serve(handle)), size)).sha256).toBe(sha256(content))
  })

  it('reads no further ahead than its buffers reach', async () => {
    let sent = 0
    let isWaiting = false
    const { handle } = bucket((res, bytes) => {
      head(res, bytes)
      const push = (): void => {
        while (sent < size) {
          const more = res.write(bytes.subarray(sent, sent + 65_536))
          sent = Math.min(size, sent + 65_536)
          if (!more) {
            isWaiting = true
            res.once('drain', push)
            return
          }
        }
        res.end()
      }
      push()
    })
    const feed = feedOf(await serve(handle))
    const first = await feed.take(size)
    await expect.poll(() => isWaiting && sent > 12 * mebibyte).toBe(true)
    expect(sent).toBeLessThan(22 * mebibyte)
    feed.give(first)
    const rest = await drain(feed, size - first.length)
    expect(rest.sha256).toBe(sha256(content.subarray(first.length)))
  })

  it('ends with its signal, and when it is closed', async () => {
    const { handle } = bucket((res, bytes) => {
      head(res, bytes)
      res.write(bytes.subarray(0, 1000))
    })
    const origin = await serve(handle)
    const ending = new AbortController()
    const taking = feedOf(origin, 0, ending.signal).take(10)
    ending.abort(new Error('time is up'))
    await expect(taking).rejects.toThrow('time is up')
    const feed = feedOf(origin)
    const other = feed.take(10)
    feed.close()
    await expect(other).rejects.toMatchObject({ name: 'AbortError' })
  })
})
