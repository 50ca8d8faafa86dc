import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import { ServiceError } from '../errors.ts'
import type { ConnectionId, NewId } from '../ids.ts'
import { randomId } from '../ids.ts'
import { providerIds } from '../providers/registry.ts'
import { shardOf } from './shards.ts'
import type { Page } from './table.ts'
import { idFields, rowParser, rowTable } from './table.ts'
import type { TogetherWrite } from './table.ts'
import type { NewRow, RowChanges } from './versioned-table.ts'
import { versionedTable } from './versioned-table.ts'

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

/**
 * Where a connection's grant is, and the key without which nothing of it opens. The grant itself, sealed,
 * lies in the secret that `at` names, or, while it is new, in `hot`. Times are epoch milliseconds.
 */
const row = z.object({
  connectionId: idFields.connectionId,
  userKey: idFields.userKey,
  provider: z.enum(providerIds),
  /** Random, new with every consent; gone with a disconnect. */
  key: z.exactOptional(bytes),
  /** The secret: one of its own, or a cell with many. */
  at: z.exactOptional(z.string()),
  issuedAt: z.exactOptional(z.int()),
  /** Which of the sealing keys seals the newest one. */
  sealedWith: z.exactOptional(z.string()),
  /** A newer grant than the one in the secret, sealed as it is there. */
  hot: z.exactOptional(bytes),
  hotIssuedAt: z.exactOptional(z.int()),
  /** The secret that a consent is about to make: written down before it exists. */
  arriving: z.exactOptional(z.string()),
  /** Secrets of its own that are to be deleted. */
  goes: z._default(z.readonly(z.array(z.string())), []),
  /** Cells that hold something of it that does not stand any more. */
  leaves: z._default(z.readonly(z.array(z.string())), []),
  /** When it was disconnected. */
  goneAt: z.exactOptional(z.int()),
  /** When the packer comes by, ISO time; absent: there is nothing to do. */
  packAt: z.exactOptional(z.string()),
  /** When the keep-alive comes by, ISO time; absent: never. */
  dueAt: z.exactOptional(z.string()),
  createdAt: z.string(),
  updatedAt: z.string(),
  version: z.int(),
})

export type GrantRow = Readonly<z.output<typeof row>>
/** Whose grant it is. */
export type GrantOf = Pick<GrantRow, 'connectionId' | 'userKey' | 'provider'>
export type GrantChanges = RowChanges<GrantRow, keyof GrantOf>
/** What has a time: the packer's rows, or the keep-alive's. */
export type Errand = 'pack' | 'keep-alive'

export interface GrantStore {
  /** Strongly consistent. */
  get(connectionId: ConnectionId): Promise<GrantRow | undefined>
  /** Those that are there, strongly consistent. */
  getAll(connectionIds: readonly ConnectionId[]): Promise<readonly GrantRow[]>
  /** The changed row, or undefined when somebody else changed or removed it since `seen` was read. */
  update(seen: GrantRow, changes: GrantChanges): Promise<GrantRow | undefined>
  /** The same write, to be done together with others. */
  updating(seen: GrantRow, changes: GrantChanges): TogetherWrite
  /**
   * Changes the row as `decide` says, or makes it, looking at it anew whenever somebody else changed it
   * meanwhile. `decide` answers undefined to leave it as it is. The row as it is then, if there is one.
   */
  change(
    whose: GrantOf,
    decide: (seen: GrantRow | undefined) => GrantChanges | undefined,
    seen?: GrantRow,
  ): Promise<GrantRow | undefined>
  /** False when somebody else changed it since `seen` was read. Already gone is success. */
  remove(seen: GrantRow): Promise<boolean>
  /** Those of one shard whose time has come, the longest due first; the index may lag by a moment. */
  due(
    errand: Errand,
    shard: string,
    limit: number,
    startKey?: Page<DueGrant>['nextKey'],
  ): Promise<Page<DueGrant>>
  /** All rows, in no order. */
  scan(startKey?: Page<GrantRow>['nextKey']): Promise<Page<GrantRow>>
}

export interface DueGrant {
  readonly connectionId: ConnectionId
}

const changeTries = 8

/** The grants table. `now` in epoch milliseconds stamps the rows and decides what is due. */
export function grantStore(
  client: Dynamo,
  tableName: string,
  now: () => number,
  newId: NewId = randomId,
): GrantStore {
  const parse = rowParser('grant', row)
  const table = versionedTable(client, tableName, {
    parse,
    // An index holds a row only as long as the row has the time that sorts it.
    itemOf: (grant) => ({ ...grant, shard: shardOf(grant) }),
    key: ['connectionId'],
    now,
    newId,
  })
  const keys = rowTable(
    client,
    tableName,
    rowParser('grant key', z.object({ connectionId: idFields.connectionId })),
  )
  const get: GrantStore['get'] = (connectionId) => table.get({ connectionId })
  return {
    get,
    async getAll(connectionIds) {
      const { readTogether } = await import('./together.ts')
      const wanted = [...new Set(connectionIds)].map((connectionId) => ({ connectionId }))
      return (await readTogether(client, tableName, wanted)).map(parse)
    },
    update: (seen, changes) => table.change(seen, changes),
    updating: (seen, changes) => table.changing(seen, changes),
    async change(whose, decide, given) {
      for (let attempt = 1; attempt <= changeTries; attempt += 1) {
        const seen = attempt === 1 && given !== undefined ? given : await get(whose.connectionId)
        const changes = decide(seen)
        if (changes === undefined) return seen
        const after = await (seen === undefined
          ? table.create(newRow(whose, changes))
          : table.change(seen, changes))
        if (after !== undefined) return after
      }
      throw new ServiceError('provider_unavailable', 'The grant is changed by too many at once. Try again.', {
        retry: { retryable: true, afterSeconds: 1 },
      })
    },
    remove: (seen) => table.remove(seen),
    due: (errand, shard, limit, startKey) => {
      const [index, time] = errand === 'pack' ? (['toPack', 'packAt'] as const) : (['due', 'dueAt'] as const)
      return keys.query({
        index,
        keyCondition: {
          expression: `#shard = :shard AND ${time} <= :now`,
          names: { '#shard': 'shard' },
          values: { ':shard': shard, ':now': new Date(now()).toISOString() },
        },
        limit,
        ...(startKey === undefined ? {} : { startKey }),
      })
    },
    scan: (startKey) => table.scan(startKey),
  }
}

function newRow({ connectionId, userKey, provider }: GrantOf, changes: GrantChanges): NewRow<GrantRow> {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  return { goes: [], leaves: [], ...given, connectionId, userKey, provider }
}
