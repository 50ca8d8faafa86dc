/**
 * What can be uploaded: bytes of a known size that can be read
 * again from the start. A browser's `File` and `Blob` are such.
 */
export interface UploadSource {
  /** Bytes. */
  readonly size: number
  /** The media type, when known. */
  readonly type?: string
  /** A file name, for its extension only. */
  readonly name?: string
  /** The bytes, from the first, at every call. */
  stream(): ReadableStream<Uint8Array>
  /** Bytes from `start` to before `end`; without it a source is sent by one request. */
  slice?(start: number, end: number): UploadSource
}

/** What `upload` takes: a `File` or `Blob`, a file on disk (`fileSource`), or bytes. */
export type Uploadable = UploadSource | ArrayBuffer | Uint8Array

/** What can be read again and again. Throws a TypeError, in words, for what cannot. */
export function sourceOf(given: Uploadable): UploadSource {
  if (given instanceof ArrayBuffer || given instanceof Uint8Array) return new Blob([given as ArrayBuffer])
  const { size, stream }: { size?: unknown; stream?: unknown } = Object(given)
  if (Number.isSafeInteger(size) && typeof stream === 'function') return given
  throw new TypeError(
    'upload takes a File or Blob, bytes, or a file on disk as await fileSource(path). Text is new Blob([text]); a stream, which can be read only once, has to become one of these first.',
  )
}

export interface PutRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly source: UploadSource
  readonly signal: AbortSignal | undefined
  /** Bytes that have left so far. */
  readonly onSent: (bytes: number) => void
}

export interface PutAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly text: string
}

/**
 * What differs between browsers and Node: sending a body with
 * progress and without holding it in memory, and hashing one.
 */
export interface Transport {
  /**
   * Sends one PUT. Rejects with a DrivewayError `network_error` when
   * no answer came, and with the signal's reason when aborted.
   */
  put(url: string, request: PutRequest): Promise<PutAnswer>
  /** A page cannot follow the API to another origin with its token. */
  readonly readsInPieces: boolean
  /** The SHA-256 in lower-case hex; undefined where it would take the whole file in memory. */
  sha256(source: UploadSource, signal: AbortSignal | undefined): Promise<string | undefined>
}
