import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { ObjectKey } from '../ids.ts'
import type { Secret } from '../secret.ts'
import type { Driver } from '../storage/driver.ts'
import type { HallDeps } from '../transfer/hall.ts'

/** What the document use cases work with; `compose` builds it. */
export interface DocumentDeps extends HallDeps {
  readonly connections: Pick<ConnectionStore, 'get' | 'list' | 'named'>
  readonly openDriver: (connection: Connection) => Promise<Driver>
  /** The one layer that retries: repeats `run` as the error's advice says, within the request's time. */
  readonly retry: <T>(run: () => Promise<T>, signal: AbortSignal) => Promise<T>
  /** A short-lived URL of a staged copy, for a drive that has no URL of its own. */
  readonly stageDownload: (request: StagingRequest) => Promise<Secret>
}

/** A document that is too large to stream through the gateway. */
export interface StagingRequest {
  readonly row: DocumentRow
  readonly driver: Driver
  readonly objectKey: ObjectKey
  readonly signal: AbortSignal
}
