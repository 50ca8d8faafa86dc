import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable, Writable } from 'node:stream'
import type { OpenedSimulator } from '../../simulators/kernel/simulator.ts'

export interface WireRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The connection broke after so many bytes of the body. */
  readonly brokenAfter?: number
}

export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The connection broke before the body was whole. */
  readonly isBroken: boolean
}

/** Hands one request to a simulator without a socket; undefined when it hung up instead of answering. */
export async function exchange(to: OpenedSimulator, request: WireRequest): Promise<WireAnswer | undefined> {
  const { host, pathname, search } = new URL(request.url)
  const socket = openSocket()
  const headers = {
    ...request.headers,
    host,
    'x-forwarded-proto': 'https',
    ...(request.body.length > 0 && request.headers['content-length'] === undefined
      ? { 'content-length': String(request.body.length) }
      : {}),
  }
  const incoming = Object.assign(bodyOf(request), {
    method: request.method,
    url: `${pathname}${search}`,
    headers,
    socket,
  })
  const answer = new Answer()
  await to
    .handle(incoming as unknown as IncomingMessage, answer as unknown as ServerResponse)
    .catch(() => socket.destroy())
  return answer.result()
}

interface Socket {
  destroyed: boolean
  destroy(): void
  resetAndDestroy(): void
}

function openSocket(): Socket {
  const socket: Socket = {
    destroyed: false,
    destroy() {
      socket.destroyed = true
    },
    resetAndDestroy() {
      socket.destroyed = true
    },
  }
  return socket
}

function bodyOf({ body, brokenAfter }: WireRequest): Readable {
  const given = brokenAfter === undefined ? body : body.subarray(0, brokenAfter)
  let isSent = false
  return new Readable({
    read() {
      if (!isSent && given.length > 0) this.push(given)
      else if (brokenAfter === undefined) this.push(null)
      else this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
      isSent = true
    },
  })
}

class Answer extends Writable {
  statusCode = 0
  headersSent = false
  readonly #headers: Record<string, string> = {}
  readonly #chunks: Buffer[] = []

  writeHead(status: number, given: Record<string, string> | string, more?: Record<string, string>): this {
    this.statusCode = status
    this.headersSent = true
    for (const [name, value] of Object.entries(typeof given === 'string' ? (more ?? {}) : given))
      this.#headers[name.toLowerCase()] = value
    return this
  }

  setHeader(name: string, value: string): void {
    this.#headers[name.toLowerCase()] = value
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk)
    done()
  }

  result(): WireAnswer | undefined {
    if (!this.headersSent) return undefined
    const body = Buffer.concat(this.#chunks)
    const announced = Number(this.#headers['content-length'] ?? body.length)
    return { status: this.statusCode, headers: this.#headers, body, isBroken: body.length < announced }
  }
}
