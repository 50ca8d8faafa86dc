import type { DocumentChecksum } from '../contract/views.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { ErrorCode } from '../errors.ts'
import type { ConnectionId, DocumentId, Extension, ObjectKey, UserId, UserKey } from '../ids.ts'
import type { ObjectEntry, Target } from '../storage/driver.ts'

/**
 * `receiving`: an upload URL was given out. `sending`: the object is on its way to the provider. `settling`:
 * the outcome is decided and is being told. `cancelled`: the user deleted the document; what is left is
 * removed.
 */
export type TransferPhase = 'receiving' | 'sending' | 'settling' | 'cancelled'

/** Which object is sent: another upload under the same key has another etag or version. */
export interface TransferSource {
  readonly key: string
  /** Without quotes. */
  readonly etag: string
  readonly size: number
  readonly versionId?: string
  /** S3's order of the events of one key. */
  readonly sequencer?: string
}

/** How a transfer ended, recorded before it is told anywhere, so that a repeat tells the same. */
export type Settlement =
  | {
      readonly kind: 'stored'
      readonly objectKey: ObjectKey
      readonly size: number
      readonly checksum?: DocumentChecksum
    }
  | {
      readonly kind: 'failed'
      readonly code: ErrorCode
      readonly detail: string
      readonly checksum?: DocumentChecksum
      readonly objectKey?: ObjectKey
    }

/** A transfer as its creator gives it. Times are epoch milliseconds. */
export interface NewTransfer {
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly userId: UserId
  readonly connectionId: ConnectionId
  readonly provider: ProviderId
  readonly extension: Extension
  readonly contentType: string
  /** Lower-case hex: what the client says the bytes hash to. */
  readonly expectedSha256?: string
  readonly phase: TransferPhase
  /** When the upload URL that was given out ends; only with `receiving`. */
  readonly uploadExpiresAt?: number
  readonly source?: TransferSource
  /** Where it goes, recorded before the provider is called for it. */
  readonly target?: Target
  /** The open upload session; its URL is sealed. */
  readonly session?: { readonly sealedUrl: string; readonly expiresAt?: number }
  /** Bytes that the provider has acknowledged. */
  readonly offset: number
  readonly hashState?: string
  /** What the provider said of the finished object, before it was verified. */
  readonly uploaded?: ObjectEntry
  readonly settlement?: Settlement
  /** Waits for the user to reconnect: nothing but a reconnect wakes it. */
  readonly parked?: boolean
  /** Attempts since the provider last acknowledged anything new. */
  readonly failures: number
  /** When the provider last acknowledged anything new. */
  readonly progressAt: number
  /** No attempt before this time. */
  readonly notBefore?: number
  /** When the sweeper last put it back into the queue. */
  readonly announcedAt?: number
  /** Who works on it: a random name for each attempt. */
  readonly owner?: string
  /** The queue message that the owner works for; its redelivery proves that the owner is gone. */
  readonly messageId?: string
  /** The claim is void after this time. */
  readonly claimUntil?: number
  /** The fencing token: grows with every claim. */
  readonly fence: number
  readonly createdAt: number
}

export interface TransferRow extends NewTransfer {
  /** This row's own name: a later transfer of the same document has another. */
  readonly transferId: string
  /** Grows with every write; writes are conditional on it. */
  readonly version: number
  /** Random for every write. */
  readonly writeId: string
}

/** A URL by which a client puts a document straight into its user's bucket, past us. */
export type PresignedUpload = Pick<
  NewTransfer,
  'userKey' | 'userId' | 'documentId' | 'connectionId' | 'provider' | 'extension' | 'contentType'
> & {
  readonly objectKey: ObjectKey
  /** Epoch milliseconds. */
  readonly expiresAt: number
}
