import { createHash, randomBytes } from 'node:crypto'
import type { Connection } from '../catalog/connections.ts'
import type { GrantChanges, GrantRow } from '../catalog/grants.ts'
import type { ConnectionId } from '../ids.ts'

/** Whose grant it is; `accountId` tells that there has been one before. */
export type GrantHolder = Pick<
  Connection,
  'connectionId' | 'userKey' | 'provider' | 'accountId' | 'idleSince'
>

/** A consent that takes longer has died. */
const arrivingMs = 15 * 60_000
/** A disconnected row stays so long: longer than anything that began before it. */
export const goneMs = 3_600_000

/** Tells a secret with many grants from one with a single one. */
export const isCell = (name: string): boolean => name.startsWith('cells/')

/** The secret that an earlier version kept the connection's grant in. */
export const oldSecretName = (connectionId: ConnectionId): string => `connections/${connectionId}`

/** A name for the secret of one consent, which says when that began. */
export const newSecretName = (connectionId: ConnectionId, now: number): string =>
  `connections/${connectionId}/${now.toString(36)}.${randomBytes(6).toString('base64url')}`

/** Until when the consent that took this name may make its secret, however often that is deleted before. */
export const comesBefore = (name: string, withinMs = arrivingMs): number =>
  parseInt(/\/([0-9a-z]+)\.[^/]+$/.exec(name)?.[1] ?? '0', 36) + withinMs

/** What tells this row's consent from another one of the same connection; opens nothing. */
export const consentOf = ({ key }: GrantRow): string | undefined =>
  key && createHash('sha256').update(key).digest('base64url').slice(0, 16)

/** When the newest grant was given, epoch milliseconds. */
export const newestAt = ({ hotIssuedAt, issuedAt = 0 }: Pick<GrantRow, 'hotIssuedAt' | 'issuedAt'>): number =>
  hotIssuedAt ?? issuedAt

/** The earlier one of two ISO times. */
export const earlier = (one: string | undefined, other: string): string =>
  one === undefined || one > other ? other : one

/** Takes the grant of `seen` away, and says what is to be cleaned up after it. */
export function replaced(
  holder: GrantHolder,
  seen: GrantRow | undefined,
): GrantChanges & Pick<GrantRow, 'goes' | 'leaves'> {
  const { at, goes = [], leaves = [], key, goneAt } = seen ?? {}
  // Without a key there may be what an earlier version kept.
  const old = key === undefined && goneAt === undefined && holder.accountId !== undefined
  const single = old ? oldSecretName(holder.connectionId) : at
  const nothing = {
    key: undefined,
    at: undefined,
    issuedAt: undefined,
    sealedWith: undefined,
    hot: undefined,
    hotIssuedAt: undefined,
    goneAt: undefined,
    dueAt: undefined,
  }
  if (single === undefined) return { ...nothing, goes, leaves }
  return isCell(single)
    ? { ...nothing, goes, leaves: [...new Set([...leaves, single])] }
    : { ...nothing, goes: [...new Set([...goes, single])], leaves }
}
