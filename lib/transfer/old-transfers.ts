import type { Dynamo } from '../aws/dynamo.ts'
import { DeleteCommand, ScanCommand } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import type { Change } from '../catalog/document.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import { catalogError } from '../catalog/table.ts'
import { providerIds } from '../providers/registry.ts'
import type { ConnectionId, DocumentId, Extension, ObjectKey, UserId, UserKey } from '../ids.ts'

const text = <Brand extends string>() => z.custom<Brand>((value) => typeof value === 'string')

/** A transfer that version 0.1 had under way. Goes, with its table, a release later. */
const transfer = z.object({
  userKey: text<UserKey>(),
  userId: text<UserId>(),
  documentId: text<DocumentId>(),
  transferId: z.string(),
  connectionId: text<ConnectionId>(),
  provider: z.enum(providerIds),
  extension: text<Extension>(),
  contentType: z.string(),
  phase: z.string(),
  expectedSha256: z.exactOptional(z.string()),
  source: z.exactOptional(z.object({ key: z.string(), etag: z.string(), size: z.number() })),
  target: z.exactOptional(z.object({ kind: z.string(), objectKey: text<ObjectKey>() })),
  session: z.exactOptional(z.object({ sealedUrl: z.string(), expiresAt: z.exactOptional(z.number()) })),
  fence: z.number(),
  createdAt: z.number(),
})
type Transfer = z.output<typeof transfer>

/**
 * Turns transfers of version 0.1 into changes of their documents, which go on from the
 * bytes in the bucket. One whose bytes have not come yet needs no change: what still
 * arrives under its key is taken as any other object there. Answers how many rows went.
 */
export async function takeOverTransfers(
  client: Dynamo,
  TableName: string,
  documents: Pick<DocumentStore, 'get' | 'claim'>,
  { now, deadline }: { readonly now: () => number; readonly deadline: number },
): Promise<number> {
  let gone = 0
  const { Items = [] } = await client.send(new ScanCommand({ TableName, Limit: 100 })).catch(failed)
  for (const item of Items) {
    if (now() >= deadline) return gone
    const row = transfer.parse(item)
    const { userKey, documentId } = row
    const seen = await documents.get(row)
    const change = row.source && row.phase !== 'cancelled' ? changeOf(row, row.source, now()) : undefined
    if (change && seen?.change === undefined) {
      const { connectionId, provider, userId } = row
      const where = seen?.standing ? {} : { connectionId, provider, userId }
      if (!(await documents.claim(row, seen, change, { changes: where }))) continue
    }
    await client.send(new DeleteCommand({ TableName, Key: { userKey, documentId } })).catch(failed)
    gone += 1
  }
  return gone
}

function failed(error: unknown): never {
  throw catalogError(error)
}

function changeOf(row: Transfer, source: NonNullable<Transfer['source']>, now: number): Change {
  const {
    transferId: id,
    connectionId,
    provider,
    extension,
    contentType,
    documentId,
    target,
    session,
    fence,
  } = row
  const file = `${documentId}${extension}`
  const kind = target?.kind === 'reserved' ? ('new' as const) : ('replace' as const)
  return {
    id,
    door: 'drop',
    state: 'waiting',
    notBefore: now,
    fence: fence + 1,
    attempts: 1,
    connectionId,
    provider,
    extension,
    contentType,
    size: source.size,
    source,
    startedAt: row.createdAt,
    ...(row.expectedSha256 === undefined ? {} : { sha256: row.expectedSha256 }),
    ...(target ? { target: { kind, objectKey: target.objectKey, file } } : {}),
    ...(session && target ? { session } : {}),
  }
}
