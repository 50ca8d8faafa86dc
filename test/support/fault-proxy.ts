import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request as send } from 'node:http'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FaultAction, FaultMatch } from './simulators.ts'

/**
 * A proxy in front of a server that has no faults of its own: hands
 * everything through but for what a test arms.
 */
export interface FaultProxy {
  readonly origin: string
  fault(match: FaultMatch, action: FaultAction, times?: number): void
  /** The requests since the last look, as `METHOD path` or, of AWS's JSON protocols, by their operation. */
  seen(): string[]
  /** How many faults have not been met yet. */
  pendingFaults(): number
  clearFaults(): void
  close(): Promise<void>
}

interface Armed {
  readonly match: FaultMatch
  readonly action: FaultAction
  times: number
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let armed: Armed[] = []
  let seen: string[] = []
  const agent = new Agent({ keepAlive: true })
  // As long as the servers behind it: a client that pauses must not meet a socket that is being closed.
  const server = createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
    handle(req, res).catch(() => req.socket.destroy())
  })

  const take = (req: IncomingMessage): FaultAction | undefined => {
    const fault = armed.find(
      ({ match }) =>
        (match.method === undefined || match.method === req.method) &&
        (match.path === undefined || new RegExp(match.path).test(req.url ?? '')),
    )
    if (!fault) return undefined
    fault.times -= 1
    if (fault.times === 0) armed = armed.filter((each) => each !== fault)
    return fault.action
  }

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const operation =
      String(req.headers['x-amz-target'] ?? '')
        .split('.')
        .at(-1) ?? ''
    seen.push(operation === '' ? `${req.method ?? ''} ${req.url ?? ''}` : operation)
    const fault = take(req)
    if (fault?.type === 'reset') {
      await readUpTo(req, fault.afterBytes ?? 0)
      req.socket.destroy()
      return
    }
    if (fault?.type === 'status') {
      req.resume()
      await once(req, 'end')
      const code = fault.reason ?? 'InternalError'
      res.writeHead(fault.status, { 'content-type': 'application/xml', ...fault.headers })
      res.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>asked for</Message></Error>`)
      return
    }
    if (fault?.type === 'garbage') {
      req.resume()
      await once(req, 'end')
      res.writeHead(fault.status ?? 502, { 'content-type': 'text/html' })
      res.end('<html>Bad gateway</html>')
      return
    }
    const onward = send(new URL(req.url ?? '/', target), { method: req.method, headers: req.headers, agent })
    req.pipe(onward)
    req.once('close', () => {
      if (!req.complete) onward.destroy()
    })
    const answer = await answerOf(onward)
    // An answer that comes early ends the sending; what the client still sends is read and dropped.
    req.unpipe(onward)
    req.resume()
    if (!onward.writableEnded) answer.once('close', () => onward.destroy())
    if (fault?.type === 'commit-then-reset') {
      answer.resume()
      await once(answer, 'end')
      req.socket.destroy()
      return
    }
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    if (fault?.type === 'truncate') {
      await readUpTo(answer, fault.afterBytes ?? 0, (chunk) => res.write(chunk))
      req.socket.destroySoon()
      return
    }
    await pipeline(answer, res)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    origin: `http://127.0.0.1:${String(address.port)}`,
    fault: (match, action, times = 1) => void armed.push({ match, action, times }),
    seen() {
      const now = seen
      seen = []
      return now
    },
    pendingFaults: () => armed.length,
    clearFaults() {
      armed = []
    },
    async close() {
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answerOf(request: ReturnType<typeof send>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })
}

async function readUpTo(
  source: IncomingMessage,
  limit: number,
  each: (chunk: Buffer) => void = () => undefined,
): Promise<void> {
  let left = limit
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const wanted = chunk.subarray(0, left)
      left -= wanted.length
      if (wanted.length > 0) each(wanted)
      if (left === 0) this.emit('enough')
      done()
    },
  })
  if (limit === 0) return
  const enough = once(counter, 'enough')
  source.pipe(counter)
  await Promise.race([enough, once(source, 'close')])
  source.unpipe(counter)
}
