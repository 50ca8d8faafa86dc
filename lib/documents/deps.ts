import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { DocumentCatalog } from '../catalog/documents.ts'
import type { PresignedUpload } from '../catalog/transfer.ts'
import type { ObjectKey } from '../ids.ts'
import type { Secret } from '../secret.ts'
import type { Driver } from '../storage/driver.ts'
import type { StartHash } from '../transfer/hash.ts'

/** What the document use cases work with; `lib/compose/` builds it. */
export interface DocumentDeps {
  readonly documents: DocumentCatalog
  readonly connections: Pick<ConnectionStore, 'get' | 'list'>
  readonly openDriver: (connection: Connection) => Promise<Driver>
  /** The one layer that retries: repeats `run` as the error's advice says, within the request's time. */
  readonly retry: <T>(run: () => Promise<T>, signal: AbortSignal) => Promise<T>
  readonly startHash: StartHash
  /** Ends a transfer that is under way for this document, and its session at the provider. */
  readonly cancelTransfer: (row: DocumentRow) => Promise<void>
  /** Sees to it that a presigned upload is looked after when its URL has ended. What was under way for the document ends. */
  readonly awaitUpload: (upload: PresignedUpload) => Promise<void>
  /** A short-lived URL of a staged copy, for a drive that has no URL of its own. */
  readonly stageDownload: (request: StagingRequest) => Promise<Secret>
  readonly now: () => number
}

/** A document that is too large to stream through the gateway. */
export interface StagingRequest {
  readonly row: DocumentRow
  readonly driver: Driver
  readonly objectKey: ObjectKey
  readonly signal: AbortSignal
}
