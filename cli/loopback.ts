import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommandError, exitCodes } from './exit-codes.ts'

const page = (text: string) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Driveway</title><h1>${text}</h1><p>You can close this window and go back to the terminal.</p></html>`

export interface Loopback {
  /** Where the browser has to come back to: http://127.0.0.1:{port}/callback. */
  readonly url: string
  /**
   * The query that the browser came with, once `accepts` takes it.
   * Rejects when aborted, or after ten minutes.
   */
  arrival(accepts: (query: URLSearchParams) => boolean, signal: AbortSignal): Promise<URLSearchParams>
  close(): void
}

/** Ten minutes: as long as an authorization lives. */
const patienceMs = 600_000

/**
 * Listens on 127.0.0.1 for the end of a browser's dance, as native
 * apps do. https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export async function listenForBrowser(port = 0): Promise<Loopback> {
  const waiting: { take: (query: URLSearchParams) => boolean }[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const isCallback = request.method === 'GET' && url.pathname === '/callback'
    const taken = isCallback && waiting.some((waiter) => waiter.take(url.searchParams))
    response.writeHead(taken ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      connection: 'close',
    })
    response.end(page(taken ? 'Done.' : 'Nothing is waiting for this.'))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    async arrival(accepts, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
      return new Promise((resolve, reject) => {
        limit.addEventListener('abort', () => {
          reject(
            signal.aborted
              ? signal.reason
              : new CommandError(exitCodes.userNeeded, 'Nobody came back from the browser in ten minutes.'),
          )
        })
        waiting.push({
          take(query) {
            if (!accepts(query)) return false
            resolve(query)
            return true
          },
        })
      })
    },
    close() {
      server.close()
      server.closeIdleConnections()
    },
  }
}
