import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import { dayMs } from '../clock.ts'
import { authorizationLifetimeSeconds } from '../contract/limits.ts'
import { reauthReasons, ServiceError } from '../errors.ts'
import type { ConnectionId, NewId, Owner, UserKey } from '../ids.ts'
import { randomId } from '../ids.ts'
import type { ProviderId } from '../providers/registry.ts'
import { oauth2Of, providerIds, usesOAuth } from '../providers/registry.ts'
import type { Followed } from './followed.ts'
import { shardOf } from './shards.ts'
import type { Page } from './table.ts'
import { idFields, isOwnedBy, rowParser } from './table.ts'
import type { TogetherWrite } from './table.ts'
import type { NewRow, RowChanges } from './versioned-table.ts'
import { versionedTable } from './versioned-table.ts'

/** A user's link to one account of one provider. Holds no secret. */
const row = z.object({
  userKey: idFields.userKey,
  userId: idFields.userId,
  connectionId: idFields.connectionId,
  provider: z.enum(providerIds),
  status: z.enum(['pending', 'active', 'requires_reauth', 'disconnected']),
  /** Why the user has to reconnect. */
  reason: z.exactOptional(z.enum(reauthReasons)),
  /** The account's stable id at the provider: Drive `permissionId`, Microsoft `tid.oid`. Never changes. */
  accountId: z.exactOptional(z.string()),
  email: z.exactOptional(z.string()),
  scopes: z.exactOptional(z.readonly(z.array(z.string()))),
  /** What the provider wants to know again, such as the folder that it has made. */
  memo: z.exactOptional(z.readonly(z.record(z.string(), z.string()))),
  /** When the provider ends the grant by plan, as it said at the consent: ISO time. */
  grantEndsAt: z.exactOptional(z.string()),
  /**
   * ISO time: an earlier version kept this grant, which has not moved yet, and was last used then. 1970 for a
   * dead connection that nobody was told of.
   */
  idleSince: z.exactOptional(z.string()),
  /** How far the changes in its drive have been followed. */
  changes: z.exactOptional(z.custom<Followed>((value) => typeof value === 'object')),
  /** ISO time: when its drive is looked at next. */
  dueAt: z.exactOptional(z.string()),
  /** What this very write means to others: the change stream tells it. Any later write takes it away. */
  event: z.exactOptional(
    z.object({
      id: z.string(),
      type: z.enum(['Connection Activated', 'Connection Requires Reauth', 'Connection Disconnected']),
    }),
  ),
  /** How many events the connection has had. */
  seq: z.exactOptional(z.int()),
  createdAt: z.string(),
  updatedAt: z.string(),
  version: z.int(),
})

export type Connection = Readonly<z.output<typeof row>>
export type NewConnection = NewRow<Connection>
export type ConnectionChanges = RowChanges<
  Connection,
  'userKey' | 'userId' | 'connectionId' | 'provider' | 'seq'
>

/** What is written together with a connection; it is asked anew before each try. */
export type Along = () => Promise<TogetherWrite>

/**
 * Connections in DynamoDB. Every read is consistent, but for those of indexes. One that is `pending` is gone
 * once nothing can complete it any more.
 */
export interface ConnectionStore {
  /** Undefined for another user's, too. */
  get(owner: Owner, connectionId: ConnectionId): Promise<Connection | undefined>
  /** Whoever's it is: for an object of the intake bucket, which names its user by the key alone. */
  named(userKey: UserKey, connectionId: ConnectionId): Promise<Connection | undefined>
  /** All of a user's connections, oldest first. */
  list(owner: Owner): Promise<Connection[]>
  /** Every row under a user's key, also those that look as if they were gone. */
  rows(userKey: UserKey): Promise<Connection[]>
  create(connection: NewConnection): Promise<Connection>
  /** The changed row, or undefined when somebody else changed or removed it since `seen` was read. */
  update(seen: Connection, changes: ConnectionChanges): Promise<Connection | undefined>
  /**
   * Changes the connection as `decide` says, looking at it anew whenever somebody else changed it meanwhile.
   * `decide` answers undefined to leave it as it is, or throws. `connection_not_found` when there is none.
   * The write of `along` happens together with the change, or neither does.
   */
  change(
    owner: Owner,
    connectionId: ConnectionId,
    decide: (seen: Connection) => ConnectionChanges | undefined,
    along?: Along,
  ): Promise<{ readonly before: Connection; readonly after: Connection }>
  /** False when somebody else changed it since `seen` was read. Already gone is success. */
  remove(seen: Connection): Promise<boolean>
  /** Connections of `provider` with `idleSince`, the longest idle first. */
  listOld(
    provider: ProviderId,
    limit: number,
    startKey?: Page<Connection>['nextKey'],
  ): Promise<Page<Connection>>
}

const changeTries = 8

/**
 * When a grant that was good at `now` has to be looked at: early enough for weeks of failed runs. Undefined
 * for one that does not die of idleness.
 */
export const nextKeepAlive = (provider: ProviderId, now: number): string | undefined =>
  usesOAuth(provider) ? new Date(now + oauth2Of(provider).keepAliveDays * dayMs).toISOString() : undefined

/** Anybody else's connection looks as if it did not exist. */
export function connectionNotFound(connectionId: string): ServiceError {
  return new ServiceError('connection_not_found', `There is no connection ${connectionId}.`, {
    context: { connectionId },
  })
}

/** The one thing that was remembered had an attribute of its own. */
const older = z.looseObject({ folderId: z.string() })

function withMemo(item: unknown): unknown {
  const { success, data } = older.safeParse(item)
  if (!success) return item
  const { folderId, ...rest } = data
  return { memo: { folder: folderId }, ...rest }
}

/** Whether a grant may still stand on the connection's account, and which account that is. */
export const stands = ({ status }: Connection): boolean => status === 'active' || status === 'requires_reauth'
export const accountOf = ({ provider, accountId }: Connection): string => `${provider}#${accountId ?? ''}`
/** Every step of a connect writes the row, and the next has so long. Epoch milliseconds. */
const endOfPending = ({ updatedAt }: Connection): number =>
  Date.parse(updatedAt) + authorizationLifetimeSeconds * 1000

const itemOf = (connection: Connection): object => ({
  ...connection,
  ...(stands(connection) && connection.accountId !== undefined && { account: accountOf(connection) }),
  ...(connection.status === 'active' && connection.dueAt !== undefined && { dueShard: shardOf(connection) }),
  ...(connection.status === 'pending' && { expiresAt: Math.ceil(endOfPending(connection) / 1000) }),
})

const parseRow = rowParser('connection', row)

/** A connection as an item of its table says it. */
export const connectionOf = (item: unknown): Connection => parseRow(withMemo(item))

/** An event belongs to the write that makes it true, and counts. */
function withEvent(seen: Connection, changes: ConnectionChanges) {
  const { event } = changes
  return { ...changes, event, ...(event === undefined ? {} : { seq: (seen.seq ?? 0) + 1 }) }
}

/** The connections table. `now` in epoch milliseconds stamps the rows. */
export function connectionStore(
  client: Dynamo,
  tableName: string,
  now: () => number,
  newId: NewId = randomId,
): ConnectionStore {
  const table = versionedTable(client, tableName, {
    parse: connectionOf,
    itemOf,
    key: ['userKey', 'connectionId'],
    now,
    newId,
  })
  const isThere = (row: Connection): boolean => row.status !== 'pending' || endOfPending(row) > now()
  const named: ConnectionStore['named'] = async (userKey, connectionId) => {
    const found = await table.get({ userKey, connectionId })
    return found !== undefined && isThere(found) ? found : undefined
  }
  const get: ConnectionStore['get'] = async (owner, connectionId) => {
    const found = await named(owner.userKey, connectionId)
    return found !== undefined && isOwnedBy(owner)(found) ? found : undefined
  }
  const rows: ConnectionStore['rows'] = async (userKey) => {
    const found: Connection[] = []
    let startKey: Page<Connection>['nextKey']
    do {
      const page = await table.query({
        keyCondition: { expression: 'userKey = :user', values: { ':user': userKey } },
        ...(startKey === undefined ? {} : { startKey }),
      })
      found.push(...page.rows)
      startKey = page.nextKey
    } while (startKey !== undefined)
    return found
  }
  return {
    get,
    named,
    rows,
    async list(owner) {
      const found = await rows(owner.userKey)
      return found
        .filter(isOwnedBy(owner))
        .filter(isThere)
        .sort((a, b) => a.createdAt.localeCompare(b.createdAt))
    },
    async create(connection) {
      const created = await table.create(connection)
      if (created !== undefined) return created
      throw new ServiceError('internal_error', 'A connection with this id exists already.')
    },
    update: (seen, changes) => table.change(seen, withEvent(seen, changes)),
    async change(owner, connectionId, decide, along) {
      for (let attempt = 1; attempt <= changeTries; attempt += 1) {
        const before = await get(owner, connectionId)
        if (before === undefined) throw connectionNotFound(connectionId)
        const changes = decide(before)
        if (changes === undefined) return { before, after: before }
        const writes = along === undefined ? undefined : [await along()]
        const after = await table.change(before, withEvent(before, changes), writes)
        if (after !== undefined) return { before, after }
      }
      throw new ServiceError('internal_error', 'The connection is changed by too many at once.', {
        retry: { retryable: true },
      })
    },
    remove: (seen) => table.remove(seen),
    listOld: (provider, limit, startKey) =>
      table.query({
        index: 'keepAlive',
        keyCondition: {
          expression: '#provider = :provider',
          names: { '#provider': 'provider' },
          values: { ':provider': provider },
        },
        limit,
        ...(startKey === undefined ? {} : { startKey }),
      }),
  }
}
