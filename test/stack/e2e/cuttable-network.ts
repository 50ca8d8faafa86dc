import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream'

/**
 * The network between a browser and everything else: a proxy that can be cut, in the middle of a body too.
 */
export interface CuttableNetwork {
  /** For the browser's proxy settings. */
  readonly server: string
  /** Breaks every connection, and refuses new ones. */
  cut(): void
  mend(): void
  close(): Promise<void>
}

export async function openNetwork(): Promise<CuttableNetwork> {
  const sockets = new Set<Socket>()
  let isCut = false

  const forward = (req: IncomingMessage, res: ServerResponse): void => {
    const target = new URL(req.url ?? '')
    const onward = request(target, { method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, res, () => undefined)
    })
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    pipeline(req, onward, () => undefined)
  }
  const proxy = createServer(forward)
  proxy.on('connection', (socket) => {
    if (isCut) {
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const breakAll = (): void => sockets.forEach((socket) => socket.destroy())
  return {
    server: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut() {
      isCut = true
      breakAll()
    },
    mend() {
      isCut = false
    },
    async close() {
      breakAll()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
