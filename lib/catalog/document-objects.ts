import * as z from 'zod/mini'
import type { Dynamo } from '../aws/dynamo.ts'
import type { ConnectionId, DocumentId, ObjectKey, UserKey } from '../ids.ts'
import { rowParser, rowTable } from './table.ts'

const text = <Brand extends string>() => z.custom<Brand>((value) => typeof value === 'string')
const keys = z.object({
  userKey: text<UserKey>(),
  documentId: text<DocumentId>(),
  objectKey: text<ObjectKey>(),
})

/**
 * What stands on a connection, in the order of its objects, behind `after`; or what stands under one `key`.
 * The index may lag by a moment.
 */
export type DocumentObjects = (
  connectionId: ConnectionId,
  of: { readonly key: ObjectKey } | { readonly after: string },
  limit: number,
) => Promise<readonly Readonly<z.output<typeof keys>>[]>

export function documentObjects(client: Dynamo, tableName: string): DocumentObjects {
  const table = rowTable(client, tableName, rowParser('document key', keys))
  return async (connectionId, of, limit) => {
    const [sign, object] = 'key' in of ? ['=', of.key] : ['>', of.after]
    const from = object === '' ? '' : ` AND objectKey ${sign} :object`
    const values = { ':connection': connectionId, ...(object === '' ? {} : { ':object': object }) }
    const keyCondition = { expression: `connectionId = :connection${from}`, values }
    return (await table.query({ index: 'objects', keyCondition, limit })).rows
  }
}
