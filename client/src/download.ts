import { DrivewayError, isDrivewayError } from './errors.ts'
import { answered } from './request.ts'
import type { Api } from './request.ts'
import { firstPiece, isShort, pieceBytes, positionOf, wholeOf } from './download-position.ts'
import type { DownloadRange, Position } from './download-position.ts'
import { backOff } from './retry.ts'

export interface DownloadOptions {
  readonly range?: DownloadRange | undefined
  readonly onProgress?:
    | ((progress: { readonly bytesReceived: number; readonly bytesTotal: number | undefined }) => void)
    | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Download {
  /**
   * The bytes. A broken connection is resumed unseen; the stream
   * fails only when that does not succeed, or the content changed.
   */
  readonly body: ReadableStream<Uint8Array>
  /** How many bytes `body` will give; undefined when the server does not tell. */
  readonly size: number | undefined
  readonly contentType: string
  readonly etag: string | undefined
  /** What to call it: the name that the server proposes, else the document's id. */
  readonly fileName: string
}

/** Breaks in a row, without a byte in between, until the download gives up. */
const maxBreaks = 6
const firstDelayMs = 200

/**
 * Opens a download. Rejects when it cannot begin. `inPieces`: nothing is asked for that the API would send
 * elsewhere, which a page of another origin cannot follow with its token. See `Driveway.download`.
 */
export async function downloadDocument(
  api: Api,
  documentId: string,
  options: DownloadOptions,
  inPieces: boolean,
): Promise<Download> {
  const { signal } = options
  const ask = (range: string | undefined) =>
    api.respond('getDocument', { path: { documentId }, header: { range } }, { signal })
  const wanted = rangeHeader(options.range)
  let first = await (inPieces && !isShort(options.range) ? firstPiece(ask, options.range) : ask(wanted))
  // Its own address streams at the gateway's pace, and pieces come at full speed.
  if (first.redirected && first.url.startsWith(`${api.settings.baseUrl}/v1/content?`)) {
    await first.body?.cancel()
    first = await firstPiece(ask, options.range)
  }
  const position = wholeOf(positionOf(first), options.range)
  const size = position.last === undefined ? undefined : position.last - position.next + 1
  return {
    body: resumingStream(api, documentId, first, position, size, options),
    size,
    contentType: first.headers.get('content-type') ?? 'application/octet-stream',
    etag: position.etag,
    fileName: fileNameOf(first.headers.get('content-disposition')) ?? documentId,
  }
}

function resumingStream(
  api: Api,
  documentId: string,
  first: Response,
  position: Position,
  size: number | undefined,
  { signal, onProgress }: DownloadOptions,
): ReadableStream<Uint8Array> {
  let reader = first.body?.getReader()
  let received = 0
  let breaks = 0
  const more = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      try {
        reader ??= (await reopen(api, documentId, position, signal)).body?.getReader()
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
        if (!done && value !== undefined) {
          breaks = 0
          return value
        }
        if (size === undefined || received >= size) return undefined
        if (position.next === position.pieceEnd) {
          reader = undefined
          continue
        }
        throw new DrivewayError('network_error', 'The connection ended before the last byte.')
      } catch (cause) {
        if (signal?.aborted === true) throw signal.reason
        reader = undefined
        breaks += 1
        if (!isTransient(cause) || breaks >= maxBreaks) throw cause
        await api.settings.retry.wait(backOff(breaks, firstDelayMs), signal)
      }
    }
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await more()
        if (chunk === undefined) {
          controller.close()
          return
        }
        received += chunk.byteLength
        position.next += chunk.byteLength
        onProgress?.({ bytesReceived: received, bytesTotal: size })
        controller.enqueue(chunk)
      },
      async cancel(reason) {
        await reader?.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Asks for what is missing. What comes has to belong to the same
 * content: same ETag, same size, the very next byte.
 */
async function reopen(
  api: Api,
  documentId: string,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const last = position.last ?? Infinity
  const end = position.pieceEnd === undefined ? last : Math.min(last, position.next + pieceBytes - 1)
  const range = `bytes=${position.next}-${end === Infinity ? '' : end}`
  const response = await again(api, documentId, position, range, signal)
  const now = positionOf(response)
  const changed =
    (position.etag !== undefined && now.etag !== undefined && now.etag !== position.etag) ||
    (position.total !== undefined && now.total !== undefined && now.total !== position.total)
  if (!changed && response.status === 206 && now.next === position.next) {
    if (position.pieceEnd !== undefined) position.pieceEnd = end + 1
    return response
  }
  await response.body?.cancel()
  if (changed)
    throw new DrivewayError('download_changed', 'The document was replaced while it was being downloaded.')
  throw new DrivewayError('unexpected_answer', 'The server did not continue where the download broke.', {
    status: response.status,
  })
}

async function again(
  api: Api,
  documentId: string,
  position: Position,
  range: string,
  signal: AbortSignal | undefined,
): Promise<Response> {
  if (position.redirectedTo !== undefined) {
    try {
      const init = { headers: { range }, ...(signal !== undefined && { signal }) }
      return await answered(api.settings.fetch, position.redirectedTo, init)
    } catch (error) {
      // The short-lived URL has expired: the API gives a new one.
      if (!isDrivewayError(error) || error.status === undefined) throw error
    }
  }
  try {
    return await api.respond('getDocument', { path: { documentId }, header: { range } }, { signal })
  } catch (error) {
    if (!isDrivewayError(error, 'range_not_satisfiable')) throw error
    throw new DrivewayError(
      'download_changed',
      'The document became shorter while it was being downloaded.',
      { cause: error },
    )
  }
}

/** A body that breaks off rejects with a plain TypeError, in browsers and in Node. */
function isTransient(error: unknown): boolean {
  return !(error instanceof DrivewayError) || error.code === 'network_error'
}

function rangeHeader(range: DownloadRange | undefined): string | undefined {
  if (range === undefined) return undefined
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.first}-${range.last ?? ''}`
}

function fileNameOf(disposition: string | null): string | undefined {
  if (disposition === null) return undefined
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1]
  try {
    if (encoded !== undefined) return decodeURIComponent(encoded)
  } catch {
    // A name that does not decode counts as none.
  }
  return /filename="([^"]*)"/i.exec(disposition)?.[1] ?? /filename=([^;\s]+)/i.exec(disposition)?.[1]
}
