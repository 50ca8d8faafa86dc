import { contentTypeOf } from './content-types.ts'
import { answerError, DrivewayError, isDrivewayError } from './errors.ts'
import { maxInlineBytes } from './generated.ts'
import type { Document, DocumentAnswer, IntakeAnswer } from './generated.ts'
import { parseAnswer } from './request.ts'
import type { Api } from './request.ts'
import { retrying } from './retry.ts'
import { requireStored, watchDocument } from './settle.ts'
import { sourceOf } from './transport.ts'
import type { Transport, Uploadable, UploadSource } from './transport.ts'
import { base64OfHex, extensionOf, randomDocumentId } from './upload-naming.ts'
import type { UploadOptions, UploadProgress } from './upload-options.ts'
import { findUpload, isSliceable, sendParts } from './upload-parts.ts'
import type { OpenUpload, SliceableSource } from './upload-parts.ts'

const putAttempts = 6
/** What one PUT carries at most. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const maxPutBytes = 5 * 1024 ** 3
/** Less is sent again sooner than its parts are counted. */
export const minPartsBytes = 16 * 1024 ** 2
/** What the API takes for a name. */
const namePattern = /^[^\p{Cc}\p{Cs}]{1,255}$/u

/** Uploads and resolves with the stored, verified document. See `Driveway.upload`. */
export async function uploadDocument(
  api: Api,
  transport: Transport,
  given: Uploadable,
  options: UploadOptions,
): Promise<Document> {
  const upload = new Upload(api, transport, sourceOf(given), options)
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
  /** What to take back: a document of its own, or only what was announced. */
  #begun: 'document' | 'upload' | undefined

  constructor(api: Api, transport: Transport, source: UploadSource, options: UploadOptions) {
    this.#api = api
    this.#transport = transport
    this.#source = source
    this.#options = options
    this.#documentId = options.documentId ?? randomDocumentId()
    const extension = options.extension ?? extensionOf(source.name) ?? extensionOf(options.name)
    this.#extension = extension === '' ? undefined : extension
    this.#contentType = (options.contentType ?? source.type) || contentTypeOf(this.#extension)
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
   * Takes back what was begun, and never the version before it: of an inline PUT under the caller's own id
   * nobody can say whether it is stored, and over a version that stands an upload is cancelled alone.
   */
  async discard(): Promise<void> {
    if (this.#begun === undefined) return
    const path = { documentId: this.#documentId }
    const undo = this.#begun === 'document' ? 'deleteDocument' : 'cancelUpload'
    // The caller gets the abort reason in any case; what could not be deleted shows in the list.
    await this.#api.call(undo, { path }).catch(() => undefined)
  }

  async #inline(sha256: string | undefined): Promise<Document> {
    const create = this.#options.ifExists === 'fail'
    this.#begun = this.#options.documentId === undefined || create ? 'document' : undefined
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
    const put = (caller: Readonly<Record<string, string>>) =>
      this.#put(this.#api.urlOf('putDocument', input), { ...headers, ...caller }, 1)
    try {
      // With If-None-Match a repeat after a lost answer would meet its own document.
      const repeatable = create ? 'when-refused' : 'always'
      const text = await retrying(
        this.#api.settings.retry,
        repeatable,
        () => this.#api.authorized(put),
        this.#options.signal,
      )
      return (parseAnswer(text) as DocumentAnswer).document
    } catch (error) {
      if (create && isDrivewayError(error)) this.#begun = undefined
      if (isDrivewayError(error, 'payload_too_large')) return this.#throughIntake(sha256)
      throw error
    }
  }

  async #throughIntake(sha256: string | undefined): Promise<Document> {
    const source = this.#source
    const resumable = this.#options.resumable === true && source.size >= minPartsBytes
    if (isSliceable(source) && (resumable || source.size > maxPutBytes))
      return await this.#inParts(source, sha256, resumable)
    if (this.#options.ifExists === 'fail') await this.#requireAbsent()
    let ticket = await this.#startIntake(sha256)
    this.#begins(ticket)
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

  async #inParts(source: SliceableSource, sha256: string | undefined, resumable: boolean): Promise<Document> {
    const { uploadId, signal } = this.#options
    const known = { sha256, uploadId, size: source.size }
    const left = resumable ? await findUpload(this.#api, this.#documentId, known, signal) : undefined
    const open = left ?? (await this.#startParts(sha256))
    if (!resumable) this.#begun ??= 'upload'
    else this.#begun = undefined
    this.#options.onUploadId?.(open.uploadId)
    await sendParts(
      {
        api: this.#api,
        transport: this.#transport,
        documentId: this.#documentId,
        source,
        signal,
        onSent: (bytes) => this.#report('sending', bytes, 0, (0.5 * bytes) / source.size),
      },
      open,
    )
    return this.#settle()
  }

  async #startParts(sha256: string | undefined): Promise<OpenUpload> {
    if (this.#options.ifExists === 'fail') await this.#requireAbsent()
    const ticket = await this.#startIntake(sha256, true)
    this.#begins(ticket)
    if (ticket.upload.method !== 'MULTIPART')
      throw new DrivewayError('unexpected_answer', 'The server knows no upload in parts.')
    return { ...ticket.upload, stored: [], signed: ticket.upload.parts }
  }

  #begins({ document }: IntakeAnswer): void {
    this.#begun = document.etag === undefined ? 'document' : 'upload'
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

  #startIntake(sha256: string | undefined, multipart?: true): Promise<IntakeAnswer> {
    const { connectionId, signal } = this.#options
    const body = {
      connectionId,
      contentType: this.#contentType,
      extension: this.#extension,
      name: this.#name,
      size: this.#source.size,
      sha256,
      multipart,
    }
    return this.#api.call('startIntake', { path: { documentId: this.#documentId }, body }, { signal })
  }

  async #stat(): Promise<Document> {
    const { signal } = this.#options
    const path = { documentId: this.#documentId }
    return (await this.#api.call('statDocument', { path }, { signal })).document
  }

  async #hasArrived(): Promise<boolean> {
    return (await this.#stat()).status !== 'receiving'
  }

  async #requireAbsent(): Promise<void> {
    try {
      const { status, etag } = await this.#stat()
      const isLeft = status === 'receiving' && this.#options.resumable === true
      // Nothing stands, and nothing is on its way.
      if (etag === undefined && (status === 'failed' || isLeft)) return
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
