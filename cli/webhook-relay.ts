import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** One delivery that was handed on. */
export interface Handed {
  readonly id: string
  readonly type: string
  /** What the server answered; absent when it did not. */
  readonly status?: number
  /** Why there is no answer. */
  readonly reason?: string
  readonly ms: number
}

export interface Relay {
  /** Where deliveries are taken, under a name that nobody guesses. */
  readonly url: string
  close(): void
}

/** As long as the API waits for an answer. */
const patienceMs = 15_000
const passedOn = [
  'content-type',
  'user-agent',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
] as const

/** By what the address of a relay is known, and whether there is one. */
const relayUrl = /^http:\/\/127\.0\.0\.1:\d+\/driveway-listen\/[\w-]+$/
export async function isLeftBehind(url: string): Promise<boolean> {
  if (!relayUrl.test(url)) return false
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.status !== 204
}

/**
 * Listens on 127.0.0.1 and hands each delivery on to `target`, byte for byte, with the headers that it is
 * verified by. The answer's status goes back: what fails there is sent again as it would be in a deployment.
 */
export async function openRelay(target: URL, handed: (delivery: Handed) => void): Promise<Relay> {
  const path = `/driveway-listen/${randomUUID()}`
  const server = createServer((request, response) => {
    if (request.url !== path) response.writeHead(404).end()
    else if (request.method !== 'POST') response.writeHead(204).end()
    else void handOn(target, request, response).then(handed, () => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function handOn(target: URL, request: IncomingMessage, response: ServerResponse): Promise<Handed> {
  const body = await buffer(request)
  const { type } = JSON.parse(body.toString('utf8')) as { type: string }
  const headers = Object.fromEntries(passedOn.map((name) => [name, String(request.headers[name])]))
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(patienceMs)])
  const begun = Date.now()
  const seen = (rest: Pick<Handed, 'status' | 'reason'>): Handed => ({
    id: String(request.headers['webhook-id']),
    type,
    ms: Date.now() - begun,
    ...rest,
  })
  try {
    // A deployment follows no redirect.
    const answer = await fetch(target, { method: 'POST', headers, body, redirect: 'manual', signal })
    await answer.body?.cancel()
    response.writeHead(answer.status).end()
    return seen({ status: answer.status })
  } catch (error) {
    response.writeHead(502).end()
    return seen({ reason: reasonOf(error) })
  }
}

/** Fetch says only that it failed; why stands in the cause. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'none within 15 seconds'
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'the connection broke'
}
