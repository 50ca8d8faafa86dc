import { request } from 'node:http'
import { createServer } from 'node:https'
import { pipeline } from 'node:stream/promises'
import type { Certificate } from './self-signed.ts'

export interface Proxy {
  /** `https://127.0.0.1:port` */
  origin: string
  port: number
  close(): Promise<void>
}

/**
 * Terminates TLS in front of a simulator, and says so with X-Forwarded-Proto and X-Forwarded-Host.
 * @param publicHost the name to announce in place of the one that the client used
 */
export async function startProxy(
  target: string,
  certificate: Certificate,
  publicHost?: string,
): Promise<Proxy> {
  const { hostname, port } = new URL(target)
  const server = createServer(certificate, (req, res) => {
    const headers = {
      ...req.headers,
      'x-forwarded-proto': 'https',
      'x-forwarded-host': publicHost ?? req.headers.host ?? '',
    }
    const onward = request({ hostname, port, path: req.url, method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, res).catch(() => res.destroy())
    })
    onward.on('error', () => res.destroy())
    pipeline(req, onward).catch(() => res.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  return {
    origin: `https://127.0.0.1:${address.port}`,
    port: address.port,
    close() {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
