import type { DocumentChecksum } from '../contract/views.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { ErrorCode } from '../errors.ts'
import type { ConnectionId, DocumentId, Extension, ObjectKey, UserId, UserKey } from '../ids.ts'

export type DocumentStatus = 'receiving' | 'uploading' | 'stored' | 'parked' | 'failed'

/** A document's row. `objectKey` is reserved before the provider is called where the provider allows it. */
export interface DocumentRow {
  readonly userKey: UserKey
  readonly userId: UserId
  readonly documentId: DocumentId
  readonly connectionId: ConnectionId
  readonly provider: ProviderId
  readonly status: DocumentStatus
  readonly objectKey?: ObjectKey
  /** The object exists at the provider (an earlier version is there while a new one is on its way). */
  readonly objectExists?: boolean
  readonly size: number
  readonly contentType: string
  readonly extension: Extension
  readonly checksum?: DocumentChecksum
  /** What the client says the bytes hash to, lower-case hex; checked at the end of a transfer. */
  readonly expectedSha256?: string
  readonly bytesTransferred?: number
  readonly error?: { readonly code: ErrorCode; readonly detail: string }
  /** The connection id, only while parked: the sparse index that a reconnect reads. */
  readonly parkedOn?: ConnectionId
  readonly createdAt: string
  readonly updatedAt: string
  readonly version: number
}
