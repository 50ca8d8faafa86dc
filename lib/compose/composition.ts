import type { ReturnUrls } from '../connections/return-url.ts'
import type { AuthorizationStore } from '../catalog/authorizations.ts'
import type { ReadBoth } from '../catalog/both.ts'
import type { CellStore } from '../catalog/cells.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { ErasureStore } from '../catalog/erasures.ts'
import type { GrantStore } from '../catalog/grants.ts'
import type { TokenStore } from '../catalog/tokens.ts'
import type { Grant } from '../grants/grant.ts'
import type { AccessTokens } from '../grants/tokens/access-tokens.ts'
import type { SealKeySource } from '../grants/seal.ts'
import type { SecretStore } from '../grants/secret-store.ts'
import type { Grants } from '../grants/store.ts'
import type { Vault } from '../grants/vault.ts'
import type { Reach } from '../net/reach.ts'
import type { Settings } from '../providers/about.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { Sealer } from '../secret.ts'
import type { Driver } from '../storage/driver.ts'
import type { EventBus, EventPublisher } from '../telemetry/events.ts'
import type { StartHash } from '../transfer/hash.ts'
import type { Outside } from './outside.ts'

/**
 * One process: what its use cases share, each part made when it is first read. A use case that asks for no
 * more is given the whole. Two processes share only what lies outside both.
 */
export interface Composition extends Pick<Outside, 'clock' | 'newId' | 'random'> {
  /** The environment without empty variables. */
  readonly settings: Settings
  readonly outside: Outside
  readonly documents: DocumentStore
  readonly connections: ConnectionStore
  readonly readBoth: ReadBoth
  readonly tokens: TokenStore
  readonly authorizations: AuthorizationStore
  readonly grantRows: GrantStore
  readonly erasures: ErasureStore
  readonly cells: CellStore
  readonly secrets: SecretStore
  readonly vault: Vault
  readonly sealKeys: SealKeySource
  readonly grants: Grants
  readonly sealer: Sealer
  readonly accessTokens: AccessTokens
  readonly bus: EventBus
  readonly events: EventPublisher
  readonly startHash: StartHash
  /** What a connection to the provider may do there. */
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  readonly openDriver: (connection: Connection) => Promise<Driver>
  readonly publicUrl: string
  readonly returnUrls: ReturnUrls
  readonly connectionsPerUser: number
  readonly offered: readonly string[]
  readonly reach: Reach
}
