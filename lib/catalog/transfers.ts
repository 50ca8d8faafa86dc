import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod/mini'
import { hashAlgorithms, providerIds } from '../providers/registry.ts'
import { errorCodes } from '../errors.ts'
import type { DocumentId, NewId, UserKey } from '../ids.ts'
import { randomId } from '../ids.ts'
import type { Condition } from './table.ts'
import { catalogError, rowTable } from './table.ts'
import type { NewTransfer, TransferRow } from './transfer.ts'

/** A column set to undefined is removed. */
export type TransferChanges = { readonly [Column in keyof NewTransfer]?: NewTransfer[Column] | undefined }

/**
 * The transfers under way. Every write depends on the row that was read, so a late process changes nothing.
 */
export interface TransferCatalog {
  /** The row as it is now (a consistent read). */
  get(userKey: UserKey, documentId: DocumentId): Promise<TransferRow | undefined>
  /** Adds a row; undefined when the document has one. */
  create(transfer: NewTransfer): Promise<TransferRow | undefined>
  /** Changes the row that `row` was read as; undefined when somebody changed or removed it since. */
  save(row: TransferRow, changes: TransferChanges): Promise<TransferRow | undefined>
  /** Removes the row as it was read; false when somebody changed it since. Already gone is success. */
  remove(row: TransferRow): Promise<boolean>
  /** One page of all rows, in no order; `limit` rows at most are read. */
  scan(
    limit: number,
    cursor?: TransferCursor,
  ): Promise<{ readonly rows: readonly TransferRow[]; readonly cursor?: TransferCursor }>
}

export interface TransferCursor {
  readonly userKey: string
  readonly documentId: string
}

const cursorSchema = z.object({ userKey: z.string(), documentId: z.string() })

const target = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('new'), file: z.string(), objectKey: z.exactOptional(z.string()) }),
  z.object({ kind: z.literal('replace'), objectKey: z.string() }),
  // As older versions wrote them: a key of its own, and an empty object that the content was to go into.
  z.object({ kind: z.literal('reserved'), objectKey: z.string() }),
  z.object({ kind: z.literal('placeholder'), objectKey: z.string() }),
])

const entry = z.object({
  objectKey: z.string(),
  size: z.number(),
  name: z.optional(z.string()),
  contentType: z.optional(z.string()),
  etag: z.optional(z.string()),
  checksums: z.partialRecord(z.enum(hashAlgorithms), z.string()),
})

const checksum = z.object({
  algorithm: z.enum(hashAlgorithms),
  value: z.string(),
  verdict: z.enum(['verified', 'provider_transformed', 'mismatch']),
})

const settlement = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('stored'),
    objectKey: z.string(),
    size: z.number(),
    checksum: z.optional(checksum),
  }),
  z.object({
    kind: z.literal('failed'),
    code: z.enum(errorCodes),
    detail: z.string(),
    checksum: z.optional(checksum),
    objectKey: z.optional(z.string()),
  }),
])

const transferSchema = z.object({
  userKey: z.string(),
  documentId: z.string(),
  transferId: z.string(),
  userId: z.string(),
  connectionId: z.string(),
  provider: z.enum(providerIds),
  extension: z.string(),
  contentType: z.string(),
  expectedSha256: z.optional(z.string()),
  phase: z.enum(['receiving', 'sending', 'settling', 'cancelled']),
  uploadExpiresAt: z.optional(z.number()),
  source: z.optional(
    z.object({
      key: z.string(),
      etag: z.string(),
      size: z.number(),
      versionId: z.optional(z.string()),
      sequencer: z.optional(z.string()),
    }),
  ),
  target: z.optional(target),
  session: z.optional(z.object({ sealedUrl: z.string(), expiresAt: z.optional(z.number()) })),
  offset: z.number(),
  hashState: z.optional(z.string()),
  uploaded: z.optional(entry),
  settlement: z.optional(settlement),
  parked: z.optional(z.boolean()),
  failures: z.number(),
  progressAt: z.number(),
  notBefore: z.optional(z.number()),
  announcedAt: z.optional(z.number()),
  owner: z.optional(z.string()),
  messageId: z.optional(z.string()),
  claimUntil: z.optional(z.number()),
  fence: z.number(),
  createdAt: z.number(),
  version: z.number(),
  writeId: z.string(),
})

function parseTransfer(item: unknown): TransferRow {
  const { target: old, ...row } = transferSchema.parse(item)
  const file = `${row.documentId}${row.extension}`
  const told = {
    new: () => old,
    replace: () => old,
    reserved: () => ({ ...old, kind: 'new', file }),
    placeholder: () => ({ ...old, kind: 'replace' }),
  }
  return { ...row, ...(old ? { target: told[old.kind]() } : {}) } as unknown as TransferRow
}

/** The transfers table. */
export function openTransfers(
  client: DynamoDBDocumentClient,
  tableName: string,
  newId: NewId = randomId,
): TransferCatalog {
  const table = rowTable(client, tableName, parseTransfer)
  const get: TransferCatalog['get'] = async (userKey, documentId) => await table.get({ userKey, documentId })

  /** A refused write may be our own, repeated by the SDK after its answer was lost: the write id tells. */
  const write = async (row: TransferRow, condition: Condition): Promise<TransferRow | undefined> => {
    if (await table.put(row, condition)) return row
    const standing = await get(row.userKey, row.documentId)
    return standing?.writeId === row.writeId ? row : undefined
  }

  return {
    get,
    create: async (transfer) =>
      await write(stamped({ ...transfer, transferId: newId() }, 1, newId()), {
        expression: 'attribute_not_exists(documentId)',
      }),
    save: async (row, changes) =>
      await write(stamped({ ...row, ...changes }, row.version + 1, newId()), unchanged(row)),
    async remove(row) {
      const condition = unchanged(row)
      return await table.delete(
        { userKey: row.userKey, documentId: row.documentId },
        { ...condition, expression: `attribute_not_exists(documentId) OR (${condition.expression})` },
      )
    },
    async scan(limit, cursor) {
      try {
        const { Items = [], LastEvaluatedKey } = await client.send(
          new ScanCommand({
            TableName: tableName,
            Limit: limit,
            ...(cursor ? { ExclusiveStartKey: { ...cursor } } : {}),
          }),
        )
        const rows = Items.map(parseTransfer)
        return LastEvaluatedKey === undefined
          ? { rows }
          : { rows, cursor: cursorSchema.parse(LastEvaluatedKey) }
      } catch (error) {
        throw catalogError(error)
      }
    },
  }
}

const unchanged = (row: TransferRow): Condition => ({
  expression: '#version = :version AND transferId = :transferId',
  names: { '#version': 'version' },
  values: { ':version': row.version, ':transferId': row.transferId },
})

function stamped(row: object, version: number, writeId: string): TransferRow {
  // Columns that were taken away are gone from the copy, as they will be from the stored row.
  return withoutUndefined({ ...row, version, writeId }) as TransferRow
}

/** DynamoDB has no undefined; a deep copy without it. */
function withoutUndefined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutUndefined(inner)]))
}
