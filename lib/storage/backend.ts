import type { Readable } from 'node:stream'
import type { HashAlgorithm, ProviderId } from '../providers/registry.ts'
import type { DocumentId, Extension, ObjectKey, UserId } from '../ids.ts'
import type { Secret } from '../secret.ts'

/** Inclusive byte positions, as in an HTTP range; `end` left out means to the last byte; `suffix` asks for the last n bytes. */
export type ByteRange = { readonly start: number; readonly end?: number } | { readonly suffix: number }

/** Bytes that can be read again from the start: what a retry needs. */
export interface ContentSource {
  /** The exact number of bytes that `open()` yields. */
  readonly size: number
  /** A new stream over all bytes, or over `start..end` (inclusive); the reader destroys it when it stops early. */
  open(range?: { readonly start: number; readonly end: number }): Readable
}

/** A stored object as the provider describes it. Only the hashes that the provider itself computed are present. */
export interface ObjectEntry {
  readonly objectKey: ObjectKey
  readonly size: number
  readonly name?: string
  readonly contentType?: string
  /** The provider's version tag of the content, without quotes. */
  readonly etag?: string
  /** sha256 and md5 in lower-case hex, others as the provider spells them. */
  readonly checksums: Readonly<Partial<Record<HashAlgorithm, string>>>
}

/** Bytes on their way from the provider. `body` ends early only with an error. */
export interface ObjectContent {
  readonly body: Readable
  /** How many bytes `body` yields. */
  readonly contentLength: number
  /** The whole object's size. */
  readonly size: number
  readonly contentType: string
  readonly etag?: string
  /** What of the object `body` is; absent when it is the whole. */
  readonly range?: { readonly start: number; readonly end: number }
}

/** Where a put goes. Backends that are addressed by path (OneDrive, S3) need neither. */
export type PutTarget =
  /** Create under a key that `reserveObjectKey` gave and the caller has recorded: a repeat meets its own object, never a twin. */
  | { readonly kind: 'reserved'; readonly objectKey: ObjectKey }
  /** Write into this empty object, which was made and recorded for it. */
  | { readonly kind: 'placeholder'; readonly objectKey: ObjectKey }
  /** Replace the content of this object, which exists. `object_missing` when the user removed it. */
  | { readonly kind: 'replace'; readonly objectKey: ObjectKey }

export interface OperationOptions {
  readonly signal?: AbortSignal
}

export interface PutOptions extends OperationOptions {
  readonly target?: PutTarget
}

/**
 * The port: seven methods, the same for every provider.
 * Every method either does its whole work or rejects with a ServiceError; a backend never loops over retries, it attaches the advice.
 */
export interface StorageBackend {
  readonly provider: ProviderId
  readonly capabilities: Capabilities

  /**
   * Stores `content` as the user's document and answers the provider's id of it.
   * Drive names the file `{documentId}{extension}`, OneDrive and S3 use the path `{userKey}/{documentId}{extension}`.
   * A source that fails or ends short leaves no document. A lost answer is asked after, not repeated blindly.
   */
  putObject(
    userId: UserId,
    documentId: DocumentId,
    content: ContentSource,
    extension: Extension,
    contentType: string,
    options?: PutOptions,
  ): Promise<ObjectKey>
  /** `object_missing` when it is gone or in the trash; `range_not_satisfiable` with the size in its context. */
  getObject(objectKey: ObjectKey, range?: ByteRange, options?: OperationOptions): Promise<ObjectContent>
  /** Already gone is success. */
  deleteObject(objectKey: ObjectKey, options?: OperationOptions): Promise<void>
  /** Both cloud drives: NotSupportedError, pointing at getObject; no network call is made. */
  presignedGetUrl(objectKey: ObjectKey, expiresMinutes?: number): Promise<string>
  /** Never throws. */
  healthCheck(options?: OperationOptions): Promise<boolean>
  /** Both cloud drives: NotSupportedError, pointing at putObject; no network call is made. */
  generatePresignedPutUrl(objectKey: ObjectKey, expiresMinutes?: number): Promise<string>
  /** The size in bytes, asked of the provider now; `object_missing` when it is gone or in the trash. */
  statObject(objectKey: ObjectKey, options?: OperationOptions): Promise<number>
}

/** What a backend can do beyond the port; behaviour and the conformance suite are chosen from it. */
export interface Capabilities {
  readonly presignedUrls: boolean
  /** Objects are created under a key that must be reserved and recorded first (Drive). */
  readonly reservedKeys: boolean
  readonly resumableUploads: boolean
  /**
   * A session whose URL was lost can be ended only by removing the object that it writes into (OneDrive): so that object is made and recorded
   * before the session is opened.
   */
  readonly placeholders: boolean
  /** The hash that the provider computes and we compare with. */
  readonly checksum: HashAlgorithm | 'none'
  /** The provider rewrites files of this kind after they were stored, so that size and hash may differ. */
  rewrites(extension: Extension): boolean
}

/** The richer answers that our own three backends give; every backend of this project implements it. */
export interface EntryBackend extends StorageBackend {
  /** As putObject, and answers all that the provider said of the stored object. */
  putEntry(
    userId: UserId,
    documentId: DocumentId,
    content: ContentSource,
    extension: Extension,
    contentType: string,
    options?: PutOptions,
  ): Promise<ObjectEntry>
  /** As statObject, with hash and etag. */
  statEntry(objectKey: ObjectKey, options?: OperationOptions): Promise<ObjectEntry>
  /** Space in the user's account, bytes; `limit` absent when unlimited. Undefined where there is no such thing (S3). */
  quota(options?: OperationOptions): Promise<Quota | undefined>
}

export interface Quota {
  readonly used: number
  readonly limit?: number
}

/** Capability `presignedUrls`: URLs with the details that the HTTP contract shows. */
export interface PresignedUrls {
  /** The key that an upload of this document goes to. */
  objectKeyFor(userId: UserId, documentId: DocumentId, extension: Extension): ObjectKey
  presignPut(
    objectKey: ObjectKey,
    contentType: string,
    expiresMinutes: number,
  ): Promise<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }>
  presignGet(
    objectKey: ObjectKey,
    expiresMinutes: number,
    options?: { readonly fileName?: string; readonly contentType?: string },
  ): Promise<string>
}

/** Capability `reservedKeys`. */
export interface ReservedKeys {
  /** A fresh id from the provider, never used before. Record it, then create under it. */
  reserveObjectKey(options?: OperationOptions): Promise<ObjectKey>
}

/** Capability `placeholders`. */
export interface Placeholders {
  /** Makes an empty object where the plan's content belongs; what stands there with content is answered as an object to `replace`. */
  createPlaceholder(plan: UploadPlan, options?: OperationOptions): Promise<PutTarget>
  /** Removes it, and with it every session that is open on it, unless it has been written into. Already gone is success. */
  removePlaceholder(objectKey: ObjectKey, options?: OperationOptions): Promise<void>
}

/** An open upload at the provider. The URL is a bearer secret: it is sealed before it is stored. */
export interface UploadSession {
  readonly url: Secret
  /** Epoch milliseconds; absent when the provider does not say. */
  readonly expiresAt?: number
}

export interface UploadPlan {
  readonly userId: UserId
  readonly documentId: DocumentId
  readonly extension: Extension
  readonly contentType: string
  readonly size: number
  readonly target?: PutTarget
}

export type UploadProgress =
  /** `offset`: how many bytes the provider has acknowledged; the next byte to send. */
  | { readonly state: 'open'; readonly offset: number; readonly expiresAt?: number }
  | { readonly state: 'done'; readonly entry: ObjectEntry }
  /** The provider knows no such session: finished, expired or cancelled. Ask `findUploaded` before starting over. */
  | { readonly state: 'gone' }

/** Capability `resumableUploads`: what the transfer engine drives. No method loops or sleeps. */
export interface ResumableUploads {
  /** `fragments`: one request each `fragmentBytes`; `stream`: one request for all that is left, acknowledged as far as it got. */
  readonly uploadMode: 'fragments' | 'stream'
  readonly fragmentBytes: number
  /** Opens a session. Sizes are non-zero: an empty document goes through putEntry. */
  beginUpload(plan: UploadPlan, options?: OperationOptions): Promise<UploadSession>
  /** Sends `length` bytes of `body` that start at `offset` of `total`; answers only what the provider acknowledged. */
  sendBytes(
    session: UploadSession,
    part: {
      readonly body: Readable
      readonly offset: number
      readonly length: number
      readonly total: number
    },
    options?: OperationOptions,
  ): Promise<UploadProgress>
  /** Where does the session stand? */
  queryUpload(session: UploadSession, total: number, options?: OperationOptions): Promise<UploadProgress>
  /** Frees the session (and on OneDrive for Business the name it holds). Already gone is success. */
  cancelUpload(session: UploadSession, options?: OperationOptions): Promise<void>
  /** The object that this plan would have made, if it is there: by reserved id (Drive) or by path (OneDrive, S3). */
  findUploaded(plan: UploadPlan, options?: OperationOptions): Promise<ObjectEntry | undefined>
}

/** Capability of OneDrive: the provider's own short-lived URL for reading, which needs no token. */
export interface DirectDownload {
  directDownloadUrl(objectKey: ObjectKey, options?: OperationOptions): Promise<Secret>
}

/** What callers hold: an EntryBackend with whichever capabilities it declares. */
export type Backend = EntryBackend &
  Partial<PresignedUrls & ReservedKeys & ResumableUploads & Placeholders & DirectDownload>
