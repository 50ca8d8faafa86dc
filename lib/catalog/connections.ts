import { randomUUID } from 'node:crypto'
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod/mini'
import type { OAuthProviderId } from '../providers/registry.ts'
import { providerIds } from '../providers/registry.ts'
import { reauthReasons, ServiceError } from '../errors.ts'
import type { ConnectionId, UserKey } from '../ids.ts'
import { connectionIdPattern, parseUserKey } from '../ids.ts'
import type { Connection } from './connection.ts'
import type { Condition, Page } from './table.ts'
import { rowTable } from './table.ts'

/** What a write may change; `undefined` takes the attribute away. */
export type ConnectionChanges = {
  readonly [
    K in Exclude<
      keyof Connection,
      'userKey' | 'userId' | 'connectionId' | 'provider' | 'createdAt' | 'updatedAt' | 'version'
    >
  ]?: Connection[K] | undefined
}

export type NewConnection = Omit<Connection, 'createdAt' | 'updatedAt' | 'version'>

/** Connections in DynamoDB. Every read is consistent, but for `listIdle`, which reads an index. */
export interface ConnectionStore {
  get(userKey: UserKey, connectionId: ConnectionId): Promise<Connection | undefined>
  /** All of a user's connections, oldest first. */
  list(userKey: UserKey): Promise<Connection[]>
  create(connection: NewConnection): Promise<Connection>
  /** The changed row, or undefined when somebody else changed or removed it since `seen` was read. */
  update(seen: Connection, changes: ConnectionChanges): Promise<Connection | undefined>
  /** False when somebody else changed it since `seen` was read. Already gone is success. */
  remove(seen: Connection): Promise<boolean>
  /** Connections of `provider` that the keep-alive is for (see `idleSince`) and nothing has refreshed since `before` (ISO time), longest idle first. */
  listIdle(
    provider: OAuthProviderId,
    before: string,
    limit: number,
    startKey?: Page<Connection>['nextKey'],
  ): Promise<Page<Connection>>
}

const rowSchema = z.object({
  userKey: z.string().check(z.refine((text) => parseUserKey(text) !== undefined)),
  userId: z.string(),
  connectionId: z.string().check(z.regex(connectionIdPattern)),
  provider: z.enum(providerIds),
  status: z.enum(['pending', 'active', 'requires_reauth', 'disconnected']),
  reason: z.optional(z.enum(reauthReasons)),
  accountId: z.optional(z.string()),
  email: z.optional(z.string()),
  scopes: z.optional(z.array(z.string())),
  folderId: z.optional(z.string()),
  idleSince: z.optional(z.string()),
  createdAt: z.string(),
  updatedAt: z.string(),
  version: z.int(),
})

function parseRow(item: unknown): Connection {
  const parsed = rowSchema.safeParse(item)
  // The schema has just proven what the brands say.
  if (parsed.success) return parsed.data as unknown as Connection
  const field = parsed.error.issues[0]?.path.join('.') ?? 'its root'
  throw new ServiceError('internal_error', `A stored connection is malformed at ${field}.`)
}

/**
 * The SDK repeats a write whose answer was lost, and the repeat must not fail on what the first one wrote. So each write
 * carries an id of its own, and "already mine" counts as written.
 */
function owned(row: Connection, condition: Condition): { item: Connection; condition: Condition } {
  const mark = { writeId: randomUUID() }
  return {
    item: { ...row, ...mark },
    condition: {
      ...condition,
      expression: `${condition.expression} OR writeId = :writeId`,
      values: { ...condition.values, ':writeId': mark.writeId },
    },
  }
}

const unchanged = (seen: Connection): Condition => ({
  expression: '#version = :version',
  names: { '#version': 'version' },
  values: { ':version': seen.version },
})

function withoutUndefined(row: object): unknown {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined))
}

/** The connections table. `now` in epoch milliseconds stamps the rows. */
export function connectionStore(
  client: DynamoDBDocumentClient,
  tableName: string,
  now: () => number,
): ConnectionStore {
  const table = rowTable(client, tableName, parseRow)
  const time = (): string => new Date(now()).toISOString()
  return {
    get: (userKey, connectionId) => table.get({ userKey, connectionId }),
    async list(userKey) {
      const rows: Connection[] = []
      let startKey: Page<Connection>['nextKey']
      do {
        const page = await table.query({
          keyCondition: {
            expression: '#user = :user',
            names: { '#user': 'userKey' },
            values: { ':user': userKey },
          },
          ...(startKey === undefined ? {} : { startKey }),
        })
        rows.push(...page.rows)
        startKey = page.nextKey
      } while (startKey !== undefined)
      return rows.sort((a, b) => a.createdAt.localeCompare(b.createdAt))
    },
    async create(connection) {
      const at = time()
      const row: Connection = { ...connection, createdAt: at, updatedAt: at, version: 1 }
      const write = owned(row, { expression: 'attribute_not_exists(connectionId)' })
      if (await table.put(write.item, write.condition)) return row
      throw new ServiceError('internal_error', 'A connection with this id exists already.')
    },
    async update(seen, changes) {
      const changed = { ...seen, ...changes, updatedAt: time(), version: seen.version + 1 }
      const row = parseRow(withoutUndefined(changed))
      const write = owned(row, unchanged(seen))
      return (await table.put(write.item, write.condition)) ? row : undefined
    },
    async remove(seen) {
      const { userKey, connectionId } = seen
      const condition = unchanged(seen)
      return table.delete(
        { userKey, connectionId },
        { ...condition, expression: `attribute_not_exists(connectionId) OR ${condition.expression}` },
      )
    },
    listIdle: (provider, before, limit, startKey) =>
      table.query({
        index: 'keepAlive',
        keyCondition: {
          expression: '#provider = :provider AND idleSince < :before',
          names: { '#provider': 'provider' },
          values: { ':provider': provider, ':before': before },
        },
        limit,
        ...(startKey === undefined ? {} : { startKey }),
      }),
  }
}
