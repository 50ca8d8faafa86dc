import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** A proxy that stands in for hosts, as HTTPS_PROXY names it. */
export interface TlsProxy {
  /** `http://127.0.0.1:port` */
  readonly url: string
  /** requests passed on so far, by host */
  readonly passed: ReadonlyMap<string, number>
  /** what clients wanted to reach beside the hosts, which they were refused */
  readonly refused: readonly string[]
  close(): Promise<void>
}

/**
 * Starts a CONNECT proxy on 127.0.0.1 that ends the TLS of the given hosts itself and passes their
 * requests on in plain HTTP, with X-Forwarded-Proto and X-Forwarded-Host; it reaches nothing else.
 * @param certificate for all of the hosts, PEM
 * @param targets origins by host name
 */
export async function startTlsProxy(
  certificate: { key: string; cert: string },
  targets: ReadonlyMap<string, string>,
): Promise<TlsProxy> {
  const passed = new Map<string, number>()
  const refused: string[] = []
  const sockets = new Set<Duplex>()
  const secure = createTlsServer(certificate, (req, res) => {
    const host = req.headers.host ?? ''
    const target = targets.get(host)
    if (target === undefined) {
      refused.push(host)
      res.writeHead(421).end()
      return
    }
    passed.set(host, (passed.get(host) ?? 0) + 1)
    passOn(req, res, host, target)
  })
  const plain = createServer((req, res) => {
    refused.push(req.url ?? '')
    res.writeHead(403).end()
  })
  plain.on('connect', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // The other end may go at any time; what that means is seen where its requests are.
    socket.on('error', () => socket.destroy())
    const [, host = ''] = /^(.*):443$/u.exec(req.url ?? '') ?? []
    if (!targets.has(host)) {
      refused.push(req.url ?? '')
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    secure.emit('connection', socket)
  })
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  const address = plain.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    passed,
    refused,
    close() {
      for (const socket of sockets) socket.destroy()
      plain.closeAllConnections()
      return new Promise<void>((resolve) => plain.close(() => resolve()))
    },
  }
}

/**
 * One request to the target and its answer back; a connection that
 * the target drops is dropped for the client too.
 */
function passOn(req: IncomingMessage, res: ServerResponse, host: string, target: string): void {
  const { hostname, port } = new URL(target)
  const headers = {
    ...req.headers,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': host,
    // A connection for each request: none can go stale between two.
    connection: 'close',
  }
  let answered = false
  const { socket } = req
  const drop = (): void => {
    socket.destroy()
  }
  const onward = request(
    { hostname, port, path: req.url, method: req.method, headers, agent: false },
    (answer) => {
      answered = true
      const { connection: _hop, 'keep-alive': _too, ...kept } = answer.headers
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, kept)
      pipeline(answer, res).catch(drop)
    },
  )
  const failed = (): void => {
    // An answer may come before the body is all taken; then it counts, and the rest of the body goes nowhere.
    if (answered) req.resume()
    else drop()
  }
  onward.on('error', failed)
  pipeline(req, onward).catch(failed)
}
