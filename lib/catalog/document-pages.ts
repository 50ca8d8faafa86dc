import type { Dynamo } from '../aws/dynamo.ts'
import { QueryCommand, ScanCommand } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import type { DocumentId, UserKey } from '../ids.ts'
import type { DocumentRow } from './document.ts'
import { catalogError } from './table.ts'

export interface DocumentKey {
  readonly userKey: UserKey
  readonly documentId: DocumentId
}

export interface OpenPage {
  /** `open` is `{kind}#{time or connection}`, as `openOf` writes it. */
  readonly entries: readonly (DocumentKey & { readonly open: string })[]
  readonly cursor?: Readonly<Record<string, unknown>>
}

/** A row's place in the order of changes. */
export interface NewestPlace {
  readonly changedAt: string
  readonly documentId: DocumentId
}

/** Reading many rows of the documents table, a page at a time. */
export interface DocumentPages {
  /** At most `limit` rows in the order of their ids. */
  list(
    userKey: UserKey,
    limit: number,
    startAfter: DocumentId | undefined,
  ): Promise<{ readonly rows: readonly DocumentRow[]; readonly more: boolean }>
  /** At most `limit` rows whose last change is the newest; the index may lag by a moment. */
  newest(
    userKey: UserKey,
    limit: number,
    startAfter: NewestPlace | undefined,
  ): Promise<{ readonly rows: readonly DocumentRow[]; readonly last?: NewestPlace }>
  /** A user's open rows of a kind, such as `p#{connectionId}`; the index may lag by a moment. */
  openOfUser(userKey: UserKey, prefix: string, cursor?: OpenPage['cursor']): Promise<OpenPage>
  /** How many of those there are, counted to `limit`. */
  countOfUser(userKey: UserKey, prefix: string, limit: number): Promise<number>
  /** All open rows, in no order. */
  scanOpen(limit: number, cursor?: OpenPage['cursor']): Promise<OpenPage>
}

const index = 'open'

export function documentPages(
  client: Dynamo,
  TableName: string,
  parse: (item: unknown) => DocumentRow,
  get: (key: DocumentKey) => Promise<DocumentRow | undefined>,
): DocumentPages {
  const ofUser = (userKey: UserKey, prefix: string) => ({
    TableName,
    IndexName: index,
    KeyConditionExpression: 'openOf = :user AND begins_with(#open, :prefix)',
    ExpressionAttributeNames: { '#open': 'open' },
    ExpressionAttributeValues: { ':user': userKey, ':prefix': prefix },
  })
  return {
    async list(userKey, limit, startAfter) {
      const query = new QueryCommand({
        TableName,
        ConsistentRead: true,
        KeyConditionExpression: 'userKey = :user',
        ExpressionAttributeValues: { ':user': userKey },
        Limit: limit,
        ...(startAfter === undefined ? {} : { ExclusiveStartKey: { userKey, documentId: startAfter } }),
      })
      const { Items = [], LastEvaluatedKey } = await client.send(query).catch(failed)
      return { rows: Items.map((item) => parse(item)), more: LastEvaluatedKey !== undefined }
    },
    async countOfUser(userKey, prefix, limit) {
      const query = new QueryCommand({ ...ofUser(userKey, prefix), Select: 'COUNT', Limit: limit })
      return (await client.send(query).catch(failed)).Count ?? 0
    },
    async newest(userKey, limit, startAfter) {
      const query = new QueryCommand({
        TableName,
        IndexName: 'newest',
        KeyConditionExpression: 'userKey = :user',
        ExpressionAttributeValues: { ':user': userKey },
        ScanIndexForward: false,
        Limit: limit,
        ...(startAfter === undefined ? {} : { ExclusiveStartKey: { userKey, ...startAfter } }),
      })
      const { Items = [], LastEvaluatedKey } = await client.send(query).catch(failed)
      const rows = await Promise.all(Items.map((item) => get(newestKey.parse(item))))
      const last = LastEvaluatedKey === undefined ? {} : { last: newestKey.parse(LastEvaluatedKey) }
      return { rows: rows.filter((row) => row !== undefined), ...last }
    },
    async openOfUser(userKey, prefix, cursor) {
      const query = new QueryCommand({
        ...ofUser(userKey, prefix),
        ...(cursor === undefined ? {} : { ExclusiveStartKey: { ...cursor } }),
      })
      return pageOf(await client.send(query).catch(failed))
    },
    async scanOpen(limit, cursor) {
      const start = cursor === undefined ? {} : { ExclusiveStartKey: { ...cursor } }
      const scan = new ScanCommand({ TableName, IndexName: index, Limit: limit, ...start })
      return pageOf(await client.send(scan).catch(failed))
    },
  }
}

function pageOf(answer: QueryCommand['answer']): OpenPage {
  const entries = (answer.Items ?? []).map((item) => openEntry.parse(item))
  return answer.LastEvaluatedKey === undefined ? { entries } : { entries, cursor: answer.LastEvaluatedKey }
}

const rowKey = {
  userKey: z.custom<UserKey>((value) => typeof value === 'string'),
  documentId: z.custom<DocumentId>((value) => typeof value === 'string'),
}
const openEntry = z.object({ ...rowKey, open: z.string() })
const newestKey = z.object({ ...rowKey, changedAt: z.string() })

function failed(error: unknown): never {
  throw catalogError(error)
}
