import { request, type Agent, type ClientRequest } from 'node:http'
import { Writable } from 'node:stream'

/** What a streamed HTTP answer begins with, and what ends that beginning. */
export const httpIntegrationType = 'application/vnd.awslambda.http-integration-response'
export const preludeEnd = Buffer.alloc(8)

/**
 * A function's streamed answer on its way to the runtime API: nothing leaves
 * before the first write, since the content type and the prelude may still be set.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
 */
export class ResponseStream extends Writable {
  readonly #open: (contentType: string) => ClientRequest
  #request: ClientRequest | undefined
  #contentType = 'application/octet-stream'
  #prelude: Buffer | undefined

  constructor(open: (contentType: string) => ClientRequest) {
    super()
    this.#open = open
  }

  setContentType(contentType: string): void {
    this.#contentType = contentType
  }

  /** As Lambda's own runtime does, the prelude goes out with the first write, and not at all without one. */
  setPrelude(prelude: unknown): void {
    this.#contentType = httpIntegrationType
    this.#prelude = Buffer.concat([Buffer.from(JSON.stringify(prelude)), preludeEnd])
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const destination = this.#begin()
    if (this.#prelude !== undefined) {
      destination.write(this.#prelude)
      this.#prelude = undefined
    }
    if (chunk.length === 0 || destination.write(chunk)) done()
    else destination.once('drain', () => done())
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#begin().end(() => done())
  }

  /** After the first byte a failure can only be told at the end of the body; the status has left already. */
  fail(type: string, message: string): void {
    const destination = this.#begin()
    destination.addTrailers({
      'Lambda-Runtime-Function-Error-Type': type,
      'Lambda-Runtime-Function-Error-Body': Buffer.from(
        JSON.stringify({ errorType: type, errorMessage: message }),
      ).toString('base64'),
    })
    destination.end()
  }

  #begin(): ClientRequest {
    this.#request ??= this.#open(this.#contentType)
    return this.#request
  }
}

/** Opens the request that carries a streamed answer; `answered` settles with the runtime API's reply. */
export function openResponse(
  url: string,
  agent: Agent,
  answered: (error?: Error) => void,
): (contentType: string) => ClientRequest {
  return (contentType) => {
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: {
        'Content-Type': contentType,
        'Lambda-Runtime-Function-Response-Mode': 'streaming',
        'Transfer-Encoding': 'chunked',
        Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
      },
    })
    sent.once('error', answered)
    sent.once('response', (response) => {
      response.resume()
      response.once('end', () => answered())
    })
    return sent
  }
}
