import type { ProviderId } from '../providers/registry.ts'
import type { ReauthReason } from '../errors.ts'
import type { ConnectionId, UserId, UserKey } from '../ids.ts'

export type ConnectionStatus = 'pending' | 'active' | 'requires_reauth' | 'disconnected'

/** A user's link to one account of one provider, as the catalog keeps it. Holds no secret. */
export interface Connection {
  readonly userKey: UserKey
  readonly userId: UserId
  readonly connectionId: ConnectionId
  readonly provider: ProviderId
  readonly status: ConnectionStatus
  /** Why the user has to reconnect. */
  readonly reason?: ReauthReason
  /** The account's stable id at the provider: Drive `permissionId`, Microsoft `tid.oid`. A reconnect must match it. */
  readonly accountId?: string
  readonly email?: string
  readonly scopes?: readonly string[]
  /** The Drive folder that files go into, created once. */
  readonly folderId?: string
  /**
   * ISO time of the last refresh or consent; on active cloud connections, for the keep-alive. Also, as 1970, on a dead one whose event
   * is not out yet.
   */
  readonly idleSince?: string
  readonly createdAt: string
  readonly updatedAt: string
  /** Grows with every write; writes are conditional on it. */
  readonly version: number
}
