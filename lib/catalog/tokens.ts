import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod/mini'
import { errorCodes, reauthReasons, ServiceError } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import { catalogError, rowTable } from './table.ts'

/** A refresh that failed without proving anything about the grant: those who waited for it share its outcome. */
export interface RefreshFailure {
  /** The lease under which it happened. */
  readonly fence: number
  readonly code: (typeof errorCodes)[number]
  readonly operatorFault?: boolean
  /** Epoch milliseconds before which the provider asked not to be called again; 0 when it named no time. */
  readonly retryAt: number
}

/** The tokens of one connection and the lease of whoever refreshes them. Tokens are sealed; times are epoch milliseconds. */
export interface TokenRow {
  readonly connectionId: ConnectionId
  /** Grows with every lease: a write under an older one is refused. */
  readonly fence: number
  readonly leaseOwner?: string
  readonly leaseUntil?: number
  /** Grows with every new access token; 0 before the first. */
  readonly version: number
  readonly accessToken?: string
  readonly tokenExpiresAt?: number
  /** The newest refresh token, where the provider rotates them (Microsoft). */
  readonly refreshToken?: string
  readonly refreshIssuedAt?: number
  /** When a rotated refresh token last went into Secrets Manager. */
  readonly secretWrittenAt?: number
  /** The grant is proven dead: nobody calls the provider until a reconnect replaces this row. */
  readonly dead?: (typeof reauthReasons)[number]
  readonly failure?: RefreshFailure
}

/** The attributes that a new token brings. */
export type TokenWrite = Required<Pick<TokenRow, 'version' | 'accessToken' | 'tokenExpiresAt'>> &
  Pick<TokenRow, 'refreshToken' | 'refreshIssuedAt' | 'secretWrittenAt'>

/** What a lease ends with. */
export type LeaseOutcome =
  | { readonly kind: 'tokens'; readonly write: TokenWrite; readonly rowExpiresAt: number }
  | { readonly kind: 'failure'; readonly failure: Omit<RefreshFailure, 'fence'> }
  | { readonly kind: 'dead'; readonly reason: (typeof reauthReasons)[number]; readonly rowExpiresAt: number }
  | { readonly kind: 'release' }

export interface Lease {
  readonly connectionId: ConnectionId
  readonly owner: string
  readonly fence: number
}

export interface TokenStore {
  /** Strongly consistent. */
  get(connectionId: ConnectionId): Promise<TokenRow | undefined>
  /** Takes the lease until `until` if nobody holds it at `now`; answers the row under the new fence, or undefined. */
  acquire(connectionId: ConnectionId, owner: string, now: number, until: number): Promise<TokenRow | undefined>
  /** Ends the lease with its outcome. False when the lease went to somebody else meanwhile: nothing was written. */
  settle(lease: Lease, outcome: LeaseOutcome): Promise<boolean>
  /** Writes tokens that came without a lease, if nobody has written since version `seen`; false otherwise. */
  writeUnfenced(connectionId: ConnectionId, seen: number, write: TokenWrite, rowExpiresAt: number): Promise<boolean>
  /** A new grant: its tokens take the place of all there was, and every lease that is still out loses. */
  replace(connectionId: ConnectionId, write: TokenWrite, rowExpiresAt: number): Promise<void>
  /** Gives the time of the last secret write back after that write failed. */
  restoreSecretWrittenAt(connectionId: ConnectionId, claimed: number, before: number): Promise<void>
  remove(connectionId: ConnectionId): Promise<void>
}

const rowSchema = z.object({
  connectionId: z.string(),
  fence: z._default(z.int(), 0),
  leaseOwner: z.optional(z.string()),
  leaseUntil: z.optional(z.int()),
  version: z._default(z.int(), 0),
  accessToken: z.optional(z.string()),
  tokenExpiresAt: z.optional(z.int()),
  refreshToken: z.optional(z.string()),
  refreshIssuedAt: z.optional(z.int()),
  secretWrittenAt: z.optional(z.int()),
  dead: z.optional(z.enum(reauthReasons)),
  failure: z.optional(
    z.object({ fence: z.int(), code: z.enum(errorCodes), operatorFault: z.optional(z.boolean()), retryAt: z.int() }),
  ),
})

function parseRow(item: unknown): TokenRow {
  const parsed = rowSchema.safeParse(item)
  // The key is a connection id of ours.
  if (parsed.success) return parsed.data as unknown as TokenRow
  throw new ServiceError('internal_error', 'A stored token row is malformed.')
}

/** A lease that is held by a process that died ends by itself; its row does too, a day later, when nothing else was written. */
const leaseRowSeconds = 24 * 3600

/** The tokens table. */
export function tokenStore(client: DynamoDBDocumentClient, tableName: string): TokenStore {
  const table = rowTable(client, tableName, parseRow)
  const update = async (connectionId: ConnectionId, change: Change): Promise<TokenRow | undefined> => {
    const command = new UpdateCommand({
      TableName: tableName,
      Key: { connectionId },
      ...expressions(change),
      ReturnValues: 'ALL_NEW',
    })
    try {
      return parseRow((await client.send(command)).Attributes)
    } catch (error) {
      if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return undefined
      throw catalogError(error)
    }
  }
  return {
    get: (connectionId) => table.get({ connectionId }),
    acquire: (connectionId, owner, now, until) =>
      update(connectionId, {
        set: { leaseOwner: owner, leaseUntil: until },
        expressions: ['#fence = if_not_exists(#fence, :zero) + :one', '#ttl = if_not_exists(#ttl, :ttl)'],
        names: { '#fence': 'fence', '#ttl': 'expiresAt' },
        values: { ':zero': 0, ':one': 1, ':now': now, ':me': owner, ':ttl': Math.ceil(until / 1000) + leaseRowSeconds },
        // Owners are random: "already mine" is this very call, repeated by the SDK; it gets a second fence, which does no harm.
        condition: 'attribute_not_exists(leaseUntil) OR leaseUntil <= :now OR leaseOwner = :me',
      }),
    async settle(lease, outcome) {
      const { set, remove } = settlement(lease, outcome)
      const row = await update(lease.connectionId, {
        set: { ...set, settledBy: lease.owner },
        remove: ['leaseOwner', 'leaseUntil', ...remove],
        names: { '#fence': 'fence' },
        values: { ':fence': lease.fence, ':me': lease.owner },
        // Settled by me already: the SDK repeated a write whose answer was lost.
        condition: '#fence = :fence AND (leaseOwner = :me OR settledBy = :me)',
      })
      return row !== undefined
    },
    async writeUnfenced(connectionId, seen, write, rowExpiresAt) {
      const row = await update(connectionId, {
        set: { ...write, expiresAt: seconds(rowExpiresAt) },
        remove: ['failure'],
        names: { '#version': 'version', '#access': 'accessToken' },
        values: { ':seen': seen, ':mine': write.accessToken },
        condition: 'attribute_not_exists(dead) AND (attribute_not_exists(#version) OR #version <= :seen OR #access = :mine)',
      })
      return row !== undefined
    },
    async replace(connectionId, write, rowExpiresAt) {
      const gone = (['refreshToken', 'refreshIssuedAt', 'secretWrittenAt'] as const).filter((name) => write[name] === undefined)
      await update(connectionId, {
        set: { ...write, expiresAt: seconds(rowExpiresAt) },
        remove: ['leaseOwner', 'leaseUntil', 'settledBy', 'dead', 'failure', ...gone],
        expressions: ['#fence = if_not_exists(#fence, :zero) + :one'],
        names: { '#fence': 'fence' },
        values: { ':zero': 0, ':one': 1 },
      })
    },
    async restoreSecretWrittenAt(connectionId, claimed, before) {
      await update(connectionId, {
        set: { secretWrittenAt: before },
        names: {},
        values: { ':claimed': claimed },
        condition: 'secretWrittenAt = :claimed',
      })
    },
    async remove(connectionId) {
      await table.delete({ connectionId })
    },
  }
}

function settlement(lease: Lease, outcome: LeaseOutcome): { set: Record<string, unknown>; remove: string[] } {
  switch (outcome.kind) {
    case 'tokens':
      return { set: { ...outcome.write, expiresAt: seconds(outcome.rowExpiresAt) }, remove: ['failure', 'dead'] }
    case 'failure':
      return { set: { failure: { ...outcome.failure, fence: lease.fence } }, remove: [] }
    case 'dead':
      return {
        set: { dead: outcome.reason, expiresAt: seconds(outcome.rowExpiresAt) },
        remove: ['accessToken', 'tokenExpiresAt', 'refreshToken', 'failure'],
      }
    case 'release':
      return { set: {}, remove: [] }
  }
}

interface Change {
  readonly set: Readonly<Record<string, unknown>>
  readonly remove?: readonly string[]
  readonly expressions?: readonly string[]
  readonly names: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, unknown>>
  readonly condition?: string
}

function expressions(change: Change) {
  const set = Object.entries(change.set).filter(([, value]) => value !== undefined)
  const remove = change.remove ?? []
  const assignments = [...set.map(([name]) => `#s_${name} = :s_${name}`), ...(change.expressions ?? [])]
  return {
    UpdateExpression: `SET ${assignments.join(', ')}${remove.length === 0 ? '' : ` REMOVE ${remove.map((name) => `#r_${name}`).join(', ')}`}`,
    ExpressionAttributeNames: {
      ...change.names,
      ...Object.fromEntries(set.map(([name]) => [`#s_${name}`, name])),
      ...Object.fromEntries(remove.map((name) => [`#r_${name}`, name])),
    },
    ExpressionAttributeValues: {
      ...change.values,
      ...Object.fromEntries(set.map(([name, value]) => [`:s_${name}`, value])),
    },
    ...(change.condition === undefined ? {} : { ConditionExpression: change.condition }),
  }
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
