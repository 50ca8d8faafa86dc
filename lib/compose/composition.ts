import type { AuthorizationStore } from '../catalog/authorizations.ts'
import type { CellStore } from '../catalog/cells.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { GrantStore } from '../catalog/grants.ts'
import type { TokenStore } from '../catalog/tokens.ts'
import type { Clock } from '../clock.ts'
import type { Grant } from '../grants/grant.ts'
import type { AccessTokens } from '../grants/tokens/access-tokens.ts'
import type { SealKeySource } from '../grants/seal.ts'
import type { SecretStore } from '../grants/secret-store.ts'
import type { Grants } from '../grants/store.ts'
import type { Settings } from '../providers/about.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { Sealer } from '../secret.ts'
import type { Driver } from '../storage/driver.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import type { StartHash } from '../transfer/hash.ts'
import type { Outside } from './outside.ts'

/** One process: what its use cases share, made on first use. Two share only what lies outside both. */
export interface Composition {
  /** The environment without empty variables. */
  readonly settings: Settings
  readonly clock: Clock
  readonly outside: Outside
  readonly documents: () => DocumentStore
  readonly connections: () => ConnectionStore
  readonly tokens: () => TokenStore
  readonly authorizations: () => AuthorizationStore
  readonly secrets: () => SecretStore
  readonly sealKeys: () => SealKeySource
  readonly grantRows: () => GrantStore
  readonly grants: () => Grants
  readonly cells: () => CellStore
  readonly sealer: () => Sealer
  readonly accessTokens: () => AccessTokens
  readonly events: () => EventPublisher
  readonly startHash: StartHash
  /** What a connection to the provider may do there. */
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  readonly openDriver: (connection: Connection) => Promise<Driver>
}
