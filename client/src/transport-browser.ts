import { DrivewayError } from './errors.ts'
import type { PutAnswer, Transport, UploadSource } from './transport.ts'

/**
 * The part of XMLHttpRequest that is used here: it is the one
 * browser API that reports how much of a body has left.
 */
interface UploadRequest extends EventTarget {
  readonly upload: EventTarget
  readonly status: number
  readonly responseText: string
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getResponseHeader(name: string): string | null
  send(body: Blob): void
  abort(): void
}
declare const XMLHttpRequest: new () => UploadRequest

/** Above this a browser does not hash: WebCrypto takes the whole input in memory. */
const maxHashedBytes = 64 * 1024 * 1024

/**
 * Set by the browser itself; setting them fails loudly.
 * https://developer.mozilla.org/docs/Glossary/Forbidden_request_header
 */
const forbidden = new Set(['host', 'content-length', 'connection', 'origin'])

export const browserTransport: Transport = {
  readsInPieces: true,

  async put(url, { headers, source, signal, onSent }) {
    signal?.throwIfAborted()
    const body = await asBlob(source)
    return new Promise<PutAnswer>((resolve, reject) => {
      const request = new XMLHttpRequest()
      const abort = () => request.abort()
      const settle = (run: () => void) => () => {
        signal?.removeEventListener('abort', abort)
        run()
      }
      const answer = settle(() =>
        resolve({
          status: request.status,
          headers: { get: (name) => request.getResponseHeader(name) },
          text: request.responseText,
        }),
      )
      const fail = settle(() =>
        reject(new DrivewayError('network_error', 'The connection broke during the upload.')),
      )
      const stop = settle(() =>
        reject(signal?.reason ?? new DrivewayError('network_error', 'The upload was stopped.')),
      )
      request.upload.addEventListener('progress', (event) => {
        if ('loaded' in event && typeof event.loaded === 'number') onSent(event.loaded)
      })
      request.addEventListener('load', answer)
      request.addEventListener('error', fail)
      request.addEventListener('timeout', fail)
      request.addEventListener('abort', stop)
      request.open('PUT', url)
      for (const [name, value] of Object.entries(headers)) {
        if (!forbidden.has(name.toLowerCase())) request.setRequestHeader(name, value)
      }
      signal?.addEventListener('abort', abort)
      request.send(body)
    })
  },

  async sha256(source) {
    // Absent outside secure contexts. https://developer.mozilla.org/docs/Web/API/Crypto/subtle
    const subtle = globalThis.crypto.subtle as typeof globalThis.crypto.subtle | undefined
    if (subtle === undefined || source.size > maxHashedBytes) return undefined
    const digest = await subtle.digest('SHA-256', await new Response(source.stream()).arrayBuffer())
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  },
}

async function asBlob(source: UploadSource): Promise<Blob> {
  return source instanceof Blob ? source : new Response(source.stream()).blob()
}
