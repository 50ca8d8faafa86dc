/**
 * Ends TLS 1.3 for all names that are played, in front of their servers, and counts the requests of each.
 * Its orders come from the process that has started it.
 */
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { Agent, request } from 'node:http'
import { createServer } from 'node:https'
import { pipeline } from 'node:stream'

/** What a front is told at its start, in BENCH_FRONT. */
export interface FrontOrder {
  readonly listens: readonly { readonly host: string; readonly port: number }[]
  readonly certificate: { readonly key: string; readonly cert: string }
  /** The port behind each name, as requests say it. */
  readonly ports: Readonly<Record<string, number>>
}

const order = process.env['BENCH_FRONT']
if (order !== undefined) serve(JSON.parse(order) as FrontOrder)

function serve({ listens, certificate, ports }: FrontOrder): void {
  const counts: Record<string, number> = {}
  const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: 'lifo' })
  const handle: RequestListener = (req, res) => {
    const { host = '' } = req.headers
    const port = ports[host]
    const asked = `${host} ${req.method ?? ''}`
    counts[asked] = (counts[asked] ?? 0) + 1
    if (port === undefined) {
      res.writeHead(421).end()
      return
    }
    const onward = request({
      agent,
      host: '127.0.0.1',
      port,
      method: req.method,
      path: req.url,
      headers: { ...req.headers, 'x-forwarded-proto': 'https', 'x-forwarded-host': host },
    })
    onward.once('response', (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, res, () => undefined)
    })
    onward.on('error', () => res.destroy())
    pipeline(req, onward, () => undefined)
  }
  const options = { ...certificate, minVersion: 'TLSv1.3', highWaterMark: 256 * 1024 } as const
  const started = listens.map(({ host, port }) => {
    const server = createServer(options, handle)
    server.keepAliveTimeout = 300_000
    server.requestTimeout = 0
    server.listen(port, host)
    return once(server, 'listening')
  })
  void Promise.all(started).then(() => process.send?.('ready'))
  process.on('message', () => {
    process.send?.(counts)
    for (const name of Object.keys(counts)) delete counts[name]
  })
  process.once('disconnect', () => process.exit(0))
}
