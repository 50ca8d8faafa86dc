import { isServiceError } from '../../lib/errors.ts'
import type { OpenFeed } from '../../lib/net/feed.ts'
import type { Aws } from './aws.ts'
import type { Network } from './network.ts'
import { LostError } from './network.ts'
import type { Process } from './process.ts'

const mostTries = 4

/** What `openFeed` is to a process of this world: one GET, and another where that had no answer. */
export function feedIn(network: Network, aws: Aws, process: () => Process): OpenFeed {
  return (start, end, { clock, signal, address, refused }) => {
    let at = 0
    let isClosed = false
    const get = async (): Promise<Buffer> => {
      const { url, headers } = await address()
      const [, bucket = '', ...rest] = new URL(url).pathname.split('/')
      const key = rest.map(decodeURIComponent).join('/')
      const busy = network.happens(process(), 'awsBusy')
      try {
        return await network.call(process(), `s3 GET ${key}`, () => {
          const standing = aws.buckets.objects.get(`${bucket}/${key}`)
          if (!standing) throw refused(404)
          if (headers['if-match'] !== `"${standing.etag}"`) throw refused(412)
          if (busy) throw refused(503)
          return standing.bytes.subarray(start, end)
        })
      } catch (error) {
        throw error instanceof LostError ? refused(0, error) : error
      }
    }
    const read = async (): Promise<Buffer> => {
      for (let tried = 1; ; tried += 1) {
        try {
          return await get()
        } catch (error) {
          signal.throwIfAborted()
          if (tried >= mostTries || isClosed || !isServiceError(error) || !error.retry.retryable) throw error
          await clock.sleep(50 * 2 ** tried, signal)
        }
      }
    }
    const bytes = read()
    bytes.catch(() => undefined)
    return {
      async take(most) {
        const all = await bytes
        signal.throwIfAborted()
        if (at >= all.length) throw new RangeError('More was taken than there is.')
        const piece = all.subarray(at, at + most)
        at += piece.length
        return piece
      },
      give: () => undefined,
      close() {
        isClosed = true
      },
    }
  }
}
