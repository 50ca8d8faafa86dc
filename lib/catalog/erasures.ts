import { createHash } from 'node:crypto'
import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import type { ConnectionId, NewId, Owner, UserId } from '../ids.ts'
import { randomId } from '../ids.ts'
import type { Page } from './table.ts'
import { idFields, rowParser, rowTable } from './table.ts'
import type { RowChanges } from './versioned-table.ts'
import { versionedTable } from './versioned-table.ts'

const number = z.int()

/**
 * The erasure of one user. It is found by the hash of the user's id: once it is done nothing in it says who
 * that was.
 */
const row = z.object({
  /** Of no user: `erasedKey`. */
  userKey: z.string(),
  what: z.literal('erasure'),
  id: z.string(),
  files: z.enum(['keep', 'delete']),
  status: z.enum(['running', 'waiting', 'done']),
  /** Whom, until it is done. */
  whom: z.exactOptional(z.object({ userId: idFields.userId, userKey: idFields.userKey })),
  /** Every connection that was met: their grants and tokens have no other owner. Until it is done. */
  connectionIds: z.readonly(z.array(idFields.connectionId)),
  /** What there was when it began. */
  counts: z.exactOptional(z.object({ connections: number, documents: number, objects: number })),
  /** Files that could not be removed from the user's drive, since their connection does not work. */
  filesLeft: z.exactOptional(number),
  startedAt: z.string(),
  doneAt: z.exactOptional(z.string()),
  /** Epoch seconds: the receipt ends by itself. */
  expiresAt: z.exactOptional(number),
  createdAt: z.string(),
  updatedAt: z.string(),
  version: number,
})

export type Erasure = Readonly<z.output<typeof row>>
export type ErasureChanges = RowChanges<Erasure, 'userKey' | 'what'>

export interface ErasureStore {
  get(userId: UserId): Promise<Erasure | undefined>
  /** Undefined when another has begun meanwhile. In place of `before`, which is done. */
  begin(
    owner: Owner,
    erasure: Pick<Erasure, 'id' | 'files'>,
    before: Erasure | undefined,
  ): Promise<Erasure | undefined>
  /** Undefined when somebody else has changed it since `seen` was read. */
  change(seen: Erasure, changes: ErasureChanges): Promise<Erasure | undefined>
  /** All erasures, in no order; also those that are done. */
  scan(startKey?: Page<Erasure>['nextKey']): Promise<Page<Erasure>>
}

/** No user's own key: a key that cannot be one comes first. */
const erasedKey = (userId: UserId): string => `~${createHash('sha256').update(userId).digest('base64url')}`

export const isUnderWay = (erasure: Erasure | undefined): boolean =>
  erasure !== undefined && erasure.status !== 'done'

/** The users table. `now` in epoch milliseconds stamps the rows. */
export function erasureStore(
  client: Dynamo,
  tableName: string,
  now: () => number,
  newId: NewId = randomId,
): ErasureStore {
  const parse = rowParser('erasure', row)
  const table = versionedTable(client, tableName, { parse, key: ['userKey', 'what'], now, newId })
  return {
    get: (userId) => table.get({ userKey: erasedKey(userId), what: 'erasure' }),
    begin({ userId, userKey }, erasure, before) {
      const startedAt = new Date(now()).toISOString()
      const whom = { userId, userKey }
      const begun = { ...erasure, status: 'running', whom, startedAt, connectionIds: [] } as const
      if (before === undefined) return table.create({ ...begun, userKey: erasedKey(userId), what: 'erasure' })
      const nothing = { counts: undefined, filesLeft: undefined, doneAt: undefined, expiresAt: undefined }
      return table.change(before, { ...begun, ...nothing })
    },
    change: (seen, changes) => table.change(seen, changes),
    scan: (startKey) => table.scan(startKey),
  }
}

/** What a user has left in tables whose rows are found by something else. */
export interface StrayRows {
  /** Consents under way, where two connects of one account met, and walks that stopped at the user. */
  removeConsents(whom: Owner, connectionIds: readonly ConnectionId[]): Promise<number>
  /** Transfers that an earlier version had under way. */
  removeTransfers(whom: Owner): Promise<number>
}

const stray = z.object({
  id: z.string(),
  userKey: z.exactOptional(z.string()),
  connectionId: z.exactOptional(z.string()),
  cursor: z.exactOptional(z.string()),
})
const transfer = z.object({ userKey: z.string(), documentId: z.string() })

export function strayRows(
  client: Dynamo,
  tables: { readonly authorizations: string; readonly transfers: string },
): StrayRows {
  const consents = rowTable(client, tables.authorizations, rowParser('authorization', stray))
  const transfers = rowTable(client, tables.transfers, rowParser('transfer', transfer))
  return {
    async removeConsents({ userKey }, connectionIds) {
      const ids: ReadonlySet<string> = new Set(connectionIds)
      let removed = 0
      let startKey: Page<unknown>['nextKey']
      do {
        const page = await consents.scan(startKey)
        for (const { id, userKey: of, connectionId = '', cursor = '' } of page.rows) {
          // A walk begins anew without its cursor, which names a row or an object.
          const isTheirs = of === userKey || ids.has(connectionId) || cursor.includes(userKey)
          if (!isTheirs) continue
          await consents.delete({ id })
          removed += 1
        }
        startKey = page.nextKey
      } while (startKey !== undefined)
      return removed
    },
    async removeTransfers({ userKey }) {
      const keyCondition = { expression: 'userKey = :user', values: { ':user': userKey } }
      const { rows } = await transfers.query({ keyCondition })
      for (const { documentId } of rows) await transfers.delete({ userKey, documentId })
      return rows.length
    },
  }
}
