import type { Readable } from 'node:stream'
import { downloadUrlMinutes, uploadUrlMinutes } from '../contract/limits.ts'
import { NotSupportedError, ServiceError, unlessMissing } from '../errors.ts'
import type { DocumentId, Extension, ObjectKey, UserId } from '../ids.ts'
import { unreachable } from '../net/http-client.ts'
import type { ByteRange, ContentSource, ResolvedRange } from './bytes.ts'
import { objectBody, rangeNotSatisfiable, resolveRange } from './bytes.ts'
import type { CallOptions, Driver, RawContent, Target } from './driver.ts'
import { writeWhole } from './write-whole.ts'

/** Bytes on their way to a reader: exactly `contentLength` of them, or an error. */
export interface ObjectContent {
  readonly body: Readable
  readonly contentLength: number
  /** The whole object's size. */
  readonly size: number
  readonly contentType: string
  readonly etag?: string
  /** Absent when `body` is the whole object. */
  readonly range?: ResolvedRange
}

/**
 * The seven storage operations, the same over every driver. Written once, so that a rule (what counts as
 * success, how a truncated body ends, what is refused) cannot differ from provider to provider.
 */
export class StorageBackend {
  readonly #driver: Driver

  constructor(driver: Driver) {
    this.#driver = driver
  }

  /**
   * Stores `content` as the user's document, new unless there is a target, and answers the provider's id of
   * it.
   */
  async putObject(
    userId: UserId,
    documentId: DocumentId,
    content: ContentSource,
    extension: Extension,
    contentType: string,
    options: CallOptions & { readonly target?: Target } = {},
  ): Promise<ObjectKey> {
    const { target = await this.#newTarget(`${documentId}${extension}`, options), ...call } = options
    const plan = { userId, contentType, size: content.size, target }
    return (await writeWhole(this.#driver, plan, content, call)).objectKey
  }

  /** `object_missing` when it is gone; `range_not_satisfiable` with the size in its context. */
  async getObject(key: ObjectKey, range?: ByteRange, options?: CallOptions): Promise<ObjectContent> {
    if (range && asksForNothing(range)) throw rangeNotSatisfiable(await this.statObject(key, options))
    return delivered(await this.#driver.read(key, range, options), range)
  }

  /** Already gone is success. */
  async deleteObject(key: ObjectKey, options?: CallOptions): Promise<void> {
    await this.#driver.remove(key, options).catch(unlessMissing)
  }

  /** NotSupportedError, before any call, where the provider has no such URLs. */
  async presignedGetUrl(
    key: ObjectKey,
    expiresMinutes: number = downloadUrlMinutes.default,
  ): Promise<string> {
    const { signedUrls } = this.#driver
    if (!signedUrls) throw new NotSupportedError('A presigned download URL', 'getObject')
    return await signedUrls.get(key, within(expiresMinutes, downloadUrlMinutes.max))
  }

  /** Never throws. */
  async healthCheck(options?: CallOptions): Promise<boolean> {
    return await this.#driver.check(options).then(
      () => true,
      () => false,
    )
  }

  /** NotSupportedError, before any call, where the provider has no such URLs. */
  async generatePresignedPutUrl(
    key: ObjectKey,
    expiresMinutes: number = uploadUrlMinutes.default,
  ): Promise<string> {
    const { signedUrls } = this.#driver
    if (!signedUrls) throw new NotSupportedError('A presigned upload URL', 'putObject')
    return (await signedUrls.put(key, within(expiresMinutes, uploadUrlMinutes.max))).url
  }

  /** The size in bytes, asked of the provider now. */
  async statObject(key: ObjectKey, options?: CallOptions): Promise<number> {
    return (await this.#driver.stat(key, options)).size
  }

  async #newTarget(file: string, options: CallOptions): Promise<Target> {
    const objectKey = await this.#driver.places?.make(options)
    return { kind: 'new', file, ...(objectKey === undefined ? {} : { objectKey }) }
  }
}

function asksForNothing(range: ByteRange): boolean {
  return 'suffix' in range ? range.suffix <= 0 : range.end !== undefined && range.end < range.start
}

/**
 * A body of exactly the wanted bytes; a truncated or another object never passes for the one that was asked
 * for.
 */
function delivered(
  { entry, body, sent, announced }: RawContent,
  range: ByteRange | undefined,
): ObjectContent {
  let wanted: ResolvedRange | undefined
  let length = entry.size
  try {
    wanted = range && resolveRange(range, entry.size)
    if (wanted) length = wanted.end - wanted.start + 1
    if (announced !== undefined && announced !== (sent === 'whole' ? entry.size : length))
      throw unreachable('The object changed while it was being read.', false)
  } catch (error) {
    body.destroy()
    throw error
  }
  const part = sent === 'whole' && wanted ? { skip: wanted.start, length, more: true } : { length }
  return {
    body: objectBody(body, part),
    contentLength: length,
    size: entry.size,
    contentType: entry.contentType ?? 'application/octet-stream',
    ...(entry.etag === undefined ? {} : { etag: entry.etag }),
    ...(wanted ? { range: wanted } : {}),
  }
}

function within(minutes: number, max: number): number {
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= max) return minutes
  const rule = `expiresInMinutes has to be a whole number from 1 to ${String(max)}.`
  throw new ServiceError('invalid_request', rule)
}
