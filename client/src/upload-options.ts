export interface UploadProgress {
  /** `preparing` hashes, `sending` moves bytes off this device, `storing` waits for the drive. */
  readonly phase: 'preparing' | 'sending' | 'storing' | 'stored'
  readonly bytesTotal: number
  /** Bytes that have left this device. */
  readonly bytesSent: number
  /** Bytes that have arrived in the drive. */
  readonly bytesStored: number
  /** Of the whole way, 0 to 1. */
  readonly fraction: number
}

export interface UploadOptions {
  /** The client's own name for the document; a random one when left out. */
  readonly documentId?: string | undefined
  readonly connectionId?: string | undefined
  /** What people call it; the source's name when left out. */
  readonly name?: string | undefined
  /** The media type; that of the source, else what the extension speaks of, else application/octet-stream. */
  readonly contentType?: string | undefined
  /** With its dot; from the source's name when left out, none when empty. */
  readonly extension?: string | undefined
  /** `replace` (as a PUT does) or `fail` with precondition_failed when the document exists. */
  readonly ifExists?: 'replace' | 'fail' | undefined
  /** SHA-256 in lower-case hex, when it is known already: saves reading the source twice. */
  readonly sha256?: string | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  /**
   * An upload that breaks off or is aborted stays open for seven days, and the same call goes on with it: one
   * of the same `documentId` whose bytes have the same SHA-256, or whose `uploadId` is given. From 16 MiB on.
   */
  readonly resumable?: boolean | undefined
  /** Of an upload that was of these very bytes, by `onUploadId`; for who cannot hash them. */
  readonly uploadId?: string | undefined
  readonly onUploadId?: ((uploadId: string) => void) | undefined
  /** Aborting stops the upload and takes back what it has begun, unless it is `resumable`. */
  readonly signal?: AbortSignal | undefined
}
