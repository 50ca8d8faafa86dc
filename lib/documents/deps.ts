import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { Driver } from '../storage/driver.ts'
import type { HallDeps } from '../transfer/hall.ts'

/** What the document use cases work with; `compose` builds it. */
export interface DocumentDeps extends HallDeps {
  readonly connections: Pick<ConnectionStore, 'get' | 'list' | 'named'>
  readonly openDriver: (connection: Connection) => Promise<Driver>
  /** The one layer that retries: repeats `run` as the error's advice says, within the request's time. */
  readonly retry: <T>(run: () => Promise<T>, signal: AbortSignal) => Promise<T>
  /** The API's own base URL, without a trailing slash. */
  readonly publicUrl: () => string
}
