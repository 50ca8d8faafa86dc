import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { onTestFinished } from 'vitest'

type Handle = (req: IncomingMessage, res: ServerResponse) => void

/** A server on a free port; `close` ends it and its connections. */
export async function serveAll(handle: Handle) {
  const server = createServer({ requestTimeout: 0 }, handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    async close(): Promise<void> {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** A server of the test's own on a free port; it and its connections are gone after the test. */
export async function serve(handle: Handle): Promise<string> {
  const { url, close } = await serveAll(handle)
  onTestFinished(close)
  return url
}
