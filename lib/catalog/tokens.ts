import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { ReauthReason } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import { catalogError, rowTable } from './table.ts'
import type { RefreshFailure, TokenRow, TokenWrite } from './token-row.ts'
import { parseTokenRow } from './token-row.ts'

/** What a lease ends with. */
export type LeaseOutcome =
  | { readonly kind: 'tokens'; readonly write: TokenWrite; readonly rowExpiresAt: number }
  | { readonly kind: 'failure'; readonly failure: Omit<RefreshFailure, 'fence'> }
  | { readonly kind: 'dead'; readonly reason: ReauthReason; readonly rowExpiresAt: number }
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
  acquire(
    connectionId: ConnectionId,
    owner: string,
    now: number,
    until: number,
  ): Promise<TokenRow | undefined>
  /** Ends the lease with its outcome. False when the lease went to somebody else meanwhile: nothing was written. */
  settle(lease: Lease, outcome: LeaseOutcome): Promise<boolean>
  /** Writes tokens that came without a lease, if nobody has written since version `seen`; false otherwise. */
  writeUnfenced(
    connectionId: ConnectionId,
    seen: number,
    write: TokenWrite,
    rowExpiresAt: number,
  ): Promise<boolean>
  /** A new grant: its tokens take the place of all there was, and every lease that is still out loses. */
  replace(connectionId: ConnectionId, write: TokenWrite, rowExpiresAt: number): Promise<void>
  /** Gives the time of the last secret write back after that write failed. */
  restoreSecretWrittenAt(connectionId: ConnectionId, claimed: number, before: number): Promise<void>
  /**
   * The grant has been taken away: no tokens, and every lease that is still out loses. The row stays as a mark, since no row at all
   * would let a refresh that is under way make a new one.
   */
  retire(connectionId: ConnectionId, rowExpiresAt: number): Promise<void>
}

/** A lease that is held by a process that died ends by itself; its row does too, a day later, when nothing else was written. */
const leaseRowSeconds = 24 * 3600

const leaseAttributes = ['leaseOwner', 'leaseUntil', 'settledBy']
const grantAttributes = ['refreshToken', 'refreshIssuedAt', 'secretWrittenAt'] as const
/** Whatever lease is still out loses. */
const nextFence = {
  expressions: ['#fence = if_not_exists(#fence, :zero) + :one'],
  names: { '#fence': 'fence' },
  values: { ':zero': 0, ':one': 1 },
}

/** The tokens table. */
export function tokenStore(client: DynamoDBDocumentClient, tableName: string): TokenStore {
  const table = rowTable(client, tableName, parseTokenRow)
  const update = async (connectionId: ConnectionId, change: Change): Promise<TokenRow | undefined> => {
    const command = new UpdateCommand({
      TableName: tableName,
      Key: { connectionId },
      ...expressions(change),
      ReturnValues: 'ALL_NEW',
    })
    try {
      return parseTokenRow((await client.send(command)).Attributes)
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
        values: {
          ':zero': 0,
          ':one': 1,
          ':now': now,
          ':me': owner,
          ':ttl': Math.ceil(until / 1000) + leaseRowSeconds,
        },
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
        condition:
          'attribute_not_exists(dead) AND (attribute_not_exists(#version) OR #version <= :seen OR #access = :mine)',
      })
      return row !== undefined
    },
    async replace(connectionId, write, rowExpiresAt) {
      const gone = grantAttributes.filter((name) => write[name] === undefined)
      await update(connectionId, {
        set: { ...write, expiresAt: seconds(rowExpiresAt) },
        remove: [...leaseAttributes, 'dead', 'failure', ...gone],
        ...nextFence,
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
    async retire(connectionId, rowExpiresAt) {
      await update(connectionId, {
        set: { dead: 'disconnected', expiresAt: seconds(rowExpiresAt) },
        remove: [...leaseAttributes, ...grantAttributes, 'accessToken', 'tokenExpiresAt', 'failure'],
        ...nextFence,
      })
    },
  }
}

function settlement(lease: Lease, outcome: LeaseOutcome): Settlement {
  switch (outcome.kind) {
    case 'tokens':
      return {
        set: { ...outcome.write, expiresAt: seconds(outcome.rowExpiresAt) },
        remove: ['failure', 'dead'],
      }
    case 'failure':
      return { set: { failure: { ...outcome.failure, fence: lease.fence } }, remove: [] }
    case 'dead':
      return {
        set: { dead: outcome.reason, expiresAt: seconds(outcome.rowExpiresAt) },
        remove: ['accessToken', 'tokenExpiresAt', 'refreshToken', 'failure'],
      }
    case 'release':
    default:
      return { set: {}, remove: [] }
  }
}

interface Settlement {
  readonly set: Readonly<Record<string, unknown>>
  readonly remove: readonly string[]
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
