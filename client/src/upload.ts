import { answerError, DrivewayError, isDrivewayError } from './errors.ts'
import { maxInlineBytes } from './generated.ts'
import type { Document, DocumentAnswer, IntakeAnswer } from './generated.ts'
import type { Api } from './request.ts'
import { retrying } from './retry.ts'
import { requireStored, watchDocument } from './settle.ts'
import type { Transport, UploadSource } from './transport.ts'

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
  /** The media type; that of the source, else application/octet-stream. */
  readonly contentType?: string | undefined
  /** With its dot; from the source's name when left out, none when empty. */
  readonly extension?: string | undefined
  /** `replace` (as a PUT does) or `fail` with precondition_failed when the document exists. */
  readonly ifExists?: 'replace' | 'fail' | undefined
  /** SHA-256 in lower-case hex, when it is known already: saves reading the source twice. */
  readonly sha256?: string | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  /** Aborting stops the upload and deletes what it has begun. */
  readonly signal?: AbortSignal | undefined
}

const fallbackType = 'application/octet-stream'
const putAttempts = 6
/** What the API takes for a name. */
const namePattern = /^[^\p{Cc}\p{Cs}]{1,255}$/u

/** Uploads and resolves with the stored, verified document. See `Driveway.upload`. */
export async function uploadDocument(
  api: Api,
  transport: Transport,
  source: UploadSource,
  options: UploadOptions,
): Promise<Document> {
  const upload = new Upload(api, transport, source, options)
  try {
    return await upload.run()
  } catch (error) {
    if (options.signal?.aborted === true) await upload.discard()
    throw error
  }
}

/** One upload under way: owns what has to be taken back when it is cancelled. */
class Upload {
  readonly #api: Api
  readonly #transport: Transport
  readonly #source: UploadSource
  readonly #options: UploadOptions
  readonly #documentId: string
  readonly #contentType: string
  readonly #extension: string | undefined
  readonly #name: string | undefined
  #begun = false

  constructor(api: Api, transport: Transport, source: UploadSource, options: UploadOptions) {
    this.#api = api
    this.#transport = transport
    this.#source = source
    this.#options = options
    this.#documentId = options.documentId ?? randomDocumentId()
    this.#contentType =
      options.contentType ?? (source.type === undefined || source.type === '' ? fallbackType : source.type)
    const extension = options.extension ?? extensionOf(source.name)
    this.#extension = extension === '' ? undefined : extension
    this.#name = options.name ?? namePattern.exec(source.name ?? '')?.[0]
  }

  async run(): Promise<Document> {
    this.#report('preparing', 0, 0, 0)
    const sha256 = this.#options.sha256 ?? (await this.#transport.sha256(this.#source, this.#options.signal))
    const document =
      this.#source.size <= maxInlineBytes ? await this.#inline(sha256) : await this.#throughIntake(sha256)
    const stored = requireStored(document, this.#source.size)
    this.#report('stored', stored.size, stored.size, 1)
    return stored
  }

  /**
   * Takes back what was begun. An inline PUT under the caller's own id is left
   * alone: it is stored or it is not, and a delete could take the version before it.
   */
  async discard(): Promise<void> {
    if (!this.#begun) return
    const path = { documentId: this.#documentId }
    // The caller gets the abort reason in any case; what could not be deleted shows in the list.
    await this.#api.call('deleteDocument', { path }).catch(() => undefined)
  }

  async #inline(sha256: string | undefined): Promise<Document> {
    const create = this.#options.ifExists === 'fail'
    this.#begun = this.#options.documentId === undefined || create
    const { connectionId } = this.#options
    const input = {
      path: { documentId: this.#documentId },
      query: { connectionId, extension: this.#extension, name: this.#name },
    }
    const headers = {
      'content-type': this.#contentType,
      ...(sha256 !== undefined && { 'content-digest': `sha-256=:${base64OfHex(sha256)}:` }),
      ...(create && { 'if-none-match': '*' }),
    }
    const put = (authorization: string) =>
      this.#put(this.#api.urlOf('putDocument', input), { ...headers, authorization }, 1)
    try {
      // With If-None-Match a repeat after a lost answer would meet its own document.
      const repeatable = create ? 'when-refused' : 'always'
      const text = await retrying(
        this.#api.settings.retry,
        repeatable,
        () => this.#api.authorized(put),
        this.#options.signal,
      )
      return parseDocument(text)
    } catch (error) {
      if (create && isDrivewayError(error)) this.#begun = false
      if (isDrivewayError(error, 'payload_too_large')) return this.#throughIntake(sha256)
      throw error
    }
  }

  async #throughIntake(sha256: string | undefined): Promise<Document> {
    if (this.#options.ifExists === 'fail') await this.#requireAbsent()
    let ticket = await this.#startIntake(sha256)
    this.#begun = true
    for (let tries = 1; ; tries += 1) {
      try {
        if (ticket.upload.method !== 'PUT')
          throw new DrivewayError('unexpected_answer', 'The server wants an upload in parts.')
        await this.#put(ticket.upload.url, ticket.upload.headers, 0.5)
        break
      } catch (error) {
        if (!isDrivewayError(error, 'network_error', 'unexpected_answer') || tries >= putAttempts) throw error
        const refused = error.status !== undefined && error.status < 500
        if (refused && error.status !== 403) throw error
        await this.#api.settings.retry.wait(500 * 2 ** (tries - 1), this.#options.signal)
        // The answer may have been lost after the bytes arrived: then the transfer runs already.
        if (!refused && (await this.#hasArrived())) break
        // A new URL, since this one may have expired.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
        if (refused) ticket = await this.#startIntake(sha256)
      }
    }
    return this.#settle()
  }

  async #settle(): Promise<Document> {
    const watch = watchDocument(this.#api, this.#documentId, { signal: this.#options.signal })
    for (;;) {
      const next = await watch.next()
      if (next.done === true) return next.value
      const stored =
        next.value.status === 'stored' ? this.#source.size : (next.value.progress?.bytesTransferred ?? 0)
      const whole = Math.max(1, this.#source.size)
      this.#report('storing', this.#source.size, stored, 0.5 + (0.5 * stored) / whole)
    }
  }

  #startIntake(sha256: string | undefined): Promise<IntakeAnswer> {
    const { connectionId, signal } = this.#options
    const body = {
      connectionId,
      contentType: this.#contentType,
      extension: this.#extension,
      name: this.#name,
      size: this.#source.size,
      sha256,
    }
    return this.#api.call('startIntake', { path: { documentId: this.#documentId }, body }, { signal })
  }

  async #hasArrived(): Promise<boolean> {
    const { signal } = this.#options
    const { document } = await this.#api.call(
      'statDocument',
      { path: { documentId: this.#documentId } },
      { signal },
    )
    return document.status !== 'receiving'
  }

  async #requireAbsent(): Promise<void> {
    const { signal } = this.#options
    try {
      await this.#api.call('statDocument', { path: { documentId: this.#documentId } }, { signal })
    } catch (error) {
      if (isDrivewayError(error, 'document_not_found')) return
      throw error
    }
    throw new DrivewayError('precondition_failed', `The document ${this.#documentId} exists.`, {
      status: 412,
    })
  }

  /**
   * Sends the bytes and resolves with the answer's text; `share` is how much of the whole way this leg is.
   */
  async #put(url: string, headers: Readonly<Record<string, string>>, share: number): Promise<string> {
    const whole = Math.max(1, this.#source.size)
    const onSent = (bytes: number) => this.#report('sending', bytes, 0, (share * bytes) / whole)
    onSent(0)
    const { signal } = this.#options
    const answer = await this.#transport.put(url, { headers, source: this.#source, signal, onSent })
    if (answer.status >= 200 && answer.status < 300) return answer.text
    throw answerError(answer.status, answer.headers, answer.text)
  }

  #report(phase: UploadProgress['phase'], bytesSent: number, bytesStored: number, fraction: number): void {
    this.#options.onProgress?.({ phase, bytesTotal: this.#source.size, bytesSent, bytesStored, fraction })
  }
}

function extensionOf(name: string | undefined): string | undefined {
  return /[^./\\](\.[A-Za-z0-9]{1,16})$/.exec(name ?? '')?.[1]
}

/** 128 random bits as a documentId; not randomUUID, which browsers only offer on secure origins. */
export function randomDocumentId(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function base64OfHex(hex: string): string {
  return btoa(hex.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16))))
}

function parseDocument(text: string): Document {
  try {
    return (JSON.parse(text) as DocumentAnswer).document
  } catch (cause) {
    throw new DrivewayError('unexpected_answer', 'The server did not answer with JSON.', { cause })
  }
}
