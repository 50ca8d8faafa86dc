import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod/mini'
import { hashAlgorithms, providerIds } from '../providers/registry.ts'
import { errorCodes, ServiceError } from '../errors.ts'
import type { ConnectionId, DocumentId, NewId, Owner, UserKey } from '../ids.ts'
import { randomId } from '../ids.ts'
import type { DocumentRow, DocumentStatus } from './document.ts'
import type { Condition, Page } from './table.ts'
import { isOwnedBy, rowParser } from './table.ts'
import type { NewRow, RowChanges } from './versioned-table.ts'
import { versionedTable } from './versioned-table.ts'

const rowSchema = z.looseObject({
  userKey: z.string(),
  userId: z.string(),
  documentId: z.string(),
  connectionId: z.string(),
  provider: z.enum(providerIds),
  status: z.enum(['receiving', 'uploading', 'stored', 'parked', 'failed']),
  size: z.number(),
  contentType: z.string(),
  extension: z.string(),
  checksum: z.optional(
    z.object({
      algorithm: z.enum(hashAlgorithms),
      value: z.string(),
      verdict: z.enum(['verified', 'provider_transformed', 'mismatch']),
    }),
  ),
  error: z.optional(z.object({ code: z.enum(errorCodes), detail: z.string() })),
  createdAt: z.string(),
  updatedAt: z.string(),
  version: z.number(),
})

export type DocumentChanges = RowChanges<DocumentRow, 'userKey' | 'documentId'>
export type NewDocument = NewRow<DocumentRow>

export interface DocumentCatalog {
  /** Undefined for another user's, too. */
  getDocument(owner: Owner, documentId: DocumentId): Promise<DocumentRow | undefined>
  /** Whoever's it is: for an object of the intake bucket, which names its user by the key alone. */
  named(userKey: UserKey, documentId: DocumentId): Promise<DocumentRow | undefined>
  /** The new row, or undefined when one with this id exists. */
  createDocument(document: NewDocument): Promise<DocumentRow | undefined>
  /** The changed row, or undefined when somebody else changed or deleted it since `row` was read. */
  updateDocument(row: DocumentRow, changes: DocumentChanges): Promise<DocumentRow | undefined>
  /** False when somebody else changed it since `row` was read. Already gone is success. */
  deleteDocument(row: DocumentRow): Promise<boolean>
  /** A page of at most `limit` rows in the order of their ids. */
  listDocuments(
    owner: Owner,
    options: {
      readonly connectionId?: ConnectionId | undefined
      readonly status?: DocumentStatus | undefined
      readonly limit: number
      readonly startAfter?: DocumentId | undefined
    },
  ): Promise<{ readonly rows: readonly DocumentRow[]; readonly more: boolean }>
  /** The documents that wait for this connection to be reconnected; the index may lag by a moment. */
  listParked(connectionId: ConnectionId, startKey?: Page<DocumentRow>['nextKey']): Promise<Page<DocumentRow>>
}

// Our own writer made the row; the schema guards against another version's.
const parse = rowParser('document', rowSchema) as unknown as (item: unknown) => DocumentRow

function listFilter(connectionId: string | undefined, status: string | undefined): Condition | undefined {
  const parts = [
    ...(connectionId === undefined ? [] : ['#connection = :connection']),
    ...(status === undefined ? [] : ['#status = :status']),
  ]
  if (parts.length === 0) return undefined
  return {
    expression: parts.join(' AND '),
    names: {
      ...(connectionId === undefined ? {} : { '#connection': 'connectionId' }),
      ...(status === undefined ? {} : { '#status': 'status' }),
    },
    values: {
      ...(connectionId === undefined ? {} : { ':connection': connectionId }),
      ...(status === undefined ? {} : { ':status': status }),
    },
  }
}

/** The documents table. */
export function documentCatalog(
  client: DynamoDBDocumentClient,
  tableName: string,
  now: () => number,
  newId: NewId = randomId,
): DocumentCatalog {
  const table = versionedTable(client, tableName, { parse, key: ['userKey', 'documentId'], now, newId })
  const named: DocumentCatalog['named'] = (userKey, documentId) => table.get({ userKey, documentId })
  const isAnothers = async (document: NewDocument): Promise<boolean> => {
    const standing = await named(document.userKey, document.documentId)
    return standing !== undefined && !isOwnedBy(document)(standing)
  }
  return {
    named,
    async getDocument(owner, documentId) {
      const row = await named(owner.userKey, documentId)
      return row !== undefined && isOwnedBy(owner)(row) ? row : undefined
    },
    async createDocument(document) {
      const created = await table.create(document)
      // Nobody would ever see that row, so whoever looks for it and writes again would do so for ever.
      if (created === undefined && (await isAnothers(document)))
        throw new ServiceError(
          'internal_error',
          'The place of this document is taken by a row of another user.',
        )
      return created
    },
    updateDocument: (row, changes) => table.change(row, changes),
    deleteDocument: (row) => table.remove(row),
    async listDocuments(owner, { connectionId, status, limit, startAfter }) {
      const rows: DocumentRow[] = []
      let startKey: Page<DocumentRow>['nextKey'] =
        startAfter === undefined ? undefined : { userKey: owner.userKey, documentId: startAfter }
      const filter = listFilter(connectionId, status)
      do {
        const page = await table.query({
          keyCondition: { expression: 'userKey = :user', values: { ':user': owner.userKey } },
          ...(filter === undefined ? {} : { filter }),
          limit: Math.max(limit - rows.length, filter === undefined ? 1 : 100),
          ...(startKey === undefined ? {} : { startKey }),
        })
        rows.push(...page.rows.filter(isOwnedBy(owner)))
        startKey = page.nextKey
      } while (startKey !== undefined && rows.length < limit)
      return { rows: rows.slice(0, limit), more: startKey !== undefined || rows.length > limit }
    },
    async listParked(connectionId, startKey) {
      return table.query({
        index: 'parked',
        keyCondition: { expression: 'parkedOn = :connection', values: { ':connection': connectionId } },
        ...(startKey === undefined ? {} : { startKey }),
      })
    },
  }
}
