import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import type { ReauthReason } from '../errors.ts'
import { errorCodes, reauthReasons } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import type { UpdateParts } from './table.ts'
import { idFields, rowParser, rowTable } from './table.ts'

/**
 * The tokens of one connection, sealed, and the lease of whoever refreshes them. Times are epoch
 * milliseconds.
 */
const row = z.object({
  connectionId: idFields.connectionId,
  /** Grows with every lease: a write under an older one is refused. */
  fence: z._default(z.int(), 0),
  leaseOwner: z.exactOptional(z.string()),
  leaseUntil: z.exactOptional(z.int()),
  /** Grows with every new access token; 0 before the first. */
  version: z._default(z.int(), 0),
  accessToken: z.exactOptional(z.string()),
  tokenExpiresAt: z.exactOptional(z.int()),
  /** An earlier version's: the newest refresh token, sealed, and when it came. */
  refreshToken: z.exactOptional(z.string()),
  refreshIssuedAt: z.exactOptional(z.int()),
  /** No grant: it is dead, or the user has ended it. Nobody calls the provider until a reconnect. */
  dead: z.exactOptional(z.enum([...reauthReasons, 'disconnected'])),
  /** Of which consent that was said; another one's grant may be alive. */
  deadConsent: z.exactOptional(z.string()),
  /** A failed refresh that proved nothing about the grant: those who waited for it share its outcome. */
  failure: z.exactOptional(
    z.object({
      /** The lease under which it happened. */
      fence: z.int(),
      code: z.enum(errorCodes),
      operatorFault: z.exactOptional(z.boolean()),
      /** The provider asked not to be called again before; 0 when it named no time. */
      retryAt: z.int(),
    }),
  ),
})

export type TokenRow = Readonly<z.output<typeof row>>
type RefreshFailure = Readonly<NonNullable<TokenRow['failure']>>

/** The attributes that a new token brings. */
export type TokenWrite = Required<Pick<TokenRow, 'version' | 'accessToken' | 'tokenExpiresAt'>>

/** What a lease ends with. */
export type LeaseOutcome =
  | { readonly kind: 'tokens'; readonly write: TokenWrite; readonly rowExpiresAt: number }
  | { readonly kind: 'failure'; readonly failure: Omit<RefreshFailure, 'fence'> }
  | {
      readonly kind: 'dead'
      readonly reason: ReauthReason
      /** Of the grant that is dead; undefined when there was none. */
      readonly consent: string | undefined
      readonly rowExpiresAt: number
    }
  | { readonly kind: 'release' }

export interface Lease {
  readonly connectionId: ConnectionId
  readonly owner: string
  readonly fence: number
}

export interface TokenStore {
  /** Strongly consistent. */
  get(connectionId: ConnectionId): Promise<TokenRow | undefined>
  /** Takes the lease until `until` if nobody holds it at `now`; the row under the new fence, or undefined. */
  acquire(
    connectionId: ConnectionId,
    owner: string,
    now: number,
    until: number,
  ): Promise<TokenRow | undefined>
  /** Ends the lease with its outcome. False, with nothing written, when somebody else took the lease over. */
  settle(lease: Lease, outcome: LeaseOutcome): Promise<boolean>
  /** Writes tokens that came without a lease, if nobody has written since version `seen`; false otherwise. */
  writeUnfenced(
    connectionId: ConnectionId,
    seen: number,
    write: TokenWrite,
    rowExpiresAt: number,
  ): Promise<boolean>
  /**
   * A new grant: its tokens take the place of all there was, and every lease that is still out loses. Not
   * when the grant has been taken away since the row was seen with the fence `seen`, 0 for none.
   */
  replace(connectionId: ConnectionId, seen: number, write: TokenWrite, rowExpiresAt: number): Promise<void>
  /**
   * The grant has been taken away: no tokens, and every lease that is still out loses. The row stays as a
   * mark, since a refresh that is under way could make a new one where there is none.
   */
  retire(connectionId: ConnectionId, rowExpiresAt: number): Promise<void>
  /** Takes the mark away too: whatever could have written is over. */
  remove(connectionId: ConnectionId): Promise<void>
}

/** A lease ends by itself when its process dies; a row that holds nothing else goes a day later. */
const leaseRowSeconds = 24 * 3600

const leaseAttributes = ['leaseOwner', 'leaseUntil', 'settledBy']
const tokenAttributes = ['accessToken', 'tokenExpiresAt']
const oldAttributes = ['refreshToken', 'refreshIssuedAt', 'secretWrittenAt']
const deadAttributes = ['dead', 'deadConsent']

/** The tokens table. */
export function tokenStore(client: Dynamo, tableName: string): TokenStore {
  const table = rowTable(client, tableName, rowParser('token row', row))
  return {
    get: (connectionId) => table.get({ connectionId }),
    acquire: (connectionId, owner, now, until) =>
      table.update(
        { connectionId },
        {
          set: { leaseOwner: owner, leaseUntil: until },
          initial: { expiresAt: seconds(until) + leaseRowSeconds },
          count: ['fence'],
          // Owners are random: "already mine" is this very call, repeated by the SDK. A second fence does no
          // harm.
          condition: {
            expression: 'attribute_not_exists(leaseUntil) OR leaseUntil <= :now OR leaseOwner = :me',
            values: { ':now': now, ':me': owner },
          },
        },
      ),
    async settle({ connectionId, owner, fence }, outcome) {
      const { set, remove = [] } = endOfLease(fence, outcome)
      const ended = await table.update(
        { connectionId },
        {
          set: { ...set, settledBy: owner },
          remove: ['leaseOwner', 'leaseUntil', ...remove],
          // Settled by me already: the SDK repeated a write whose answer was lost.
          condition: {
            expression: 'fence = :fence AND (leaseOwner = :me OR settledBy = :me)',
            values: { ':fence': fence, ':me': owner },
          },
        },
      )
      return ended !== undefined
    },
    async writeUnfenced(connectionId, seen, write, rowExpiresAt) {
      const written = await table.update(
        { connectionId },
        {
          set: { ...write, expiresAt: seconds(rowExpiresAt) },
          remove: ['failure'],
          condition: {
            expression:
              'attribute_not_exists(dead) AND (attribute_not_exists(#version) OR #version <= :seen OR accessToken = :mine)',
            names: { '#version': 'version' },
            values: { ':seen': seen, ':mine': write.accessToken },
          },
        },
      )
      return written !== undefined
    },
    async replace(connectionId, seen, write, rowExpiresAt) {
      await table.update(
        { connectionId },
        {
          set: { ...write, expiresAt: seconds(rowExpiresAt) },
          count: ['fence'],
          remove: [...leaseAttributes, ...deadAttributes, ...oldAttributes, 'failure'],
          condition: {
            expression: 'attribute_not_exists(dead) OR dead <> :gone OR fence = :seen',
            values: { ':gone': 'disconnected', ':seen': seen },
          },
        },
      )
    },
    async remove(connectionId) {
      await table.delete({ connectionId })
    },
    async retire(connectionId, rowExpiresAt) {
      await table.update(
        { connectionId },
        {
          set: { dead: 'disconnected', expiresAt: seconds(rowExpiresAt) },
          count: ['fence'],
          remove: [...leaseAttributes, ...tokenAttributes, ...oldAttributes, 'deadConsent', 'failure'],
        },
      )
    },
  }
}

function endOfLease(fence: number, outcome: LeaseOutcome): UpdateParts {
  switch (outcome.kind) {
    case 'tokens':
      return {
        set: { ...outcome.write, expiresAt: seconds(outcome.rowExpiresAt) },
        remove: ['failure', ...deadAttributes, ...oldAttributes],
      }
    case 'failure':
      return { set: { failure: { ...outcome.failure, fence } } }
    case 'dead':
      return {
        set: {
          dead: outcome.reason,
          deadConsent: outcome.consent,
          expiresAt: seconds(outcome.rowExpiresAt),
        },
        remove: [...tokenAttributes, ...oldAttributes, 'failure'],
      }
    case 'release':
    default:
      return {}
  }
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
