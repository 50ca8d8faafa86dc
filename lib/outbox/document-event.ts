import * as z from 'zod/mini'
import type { DocumentRow } from '../catalog/document.ts'
import { documentRow } from '../catalog/document.ts'
import { rowParser } from '../catalog/table.ts'
import { driveChanges } from '../contract/outbox.ts'
import { errorCodes, reauthReasons } from '../errors.ts'
import type { DrivewayEvent } from '../telemetry/events.ts'

/** What a document's write says beside its row. */
const told = z.discriminatedUnion('type', [
  z.object({
    id: z.string(),
    type: z.literal('Document Stored'),
    replaced: z.exactOptional(z.literal(true)),
  }),
  z.object({
    id: z.string(),
    type: z.literal('Document Failed'),
    size: z.number(),
    contentType: z.string(),
    error: z.object({ code: z.enum(errorCodes), detail: z.string() }),
  }),
  z.object({
    id: z.string(),
    type: z.literal('Document Parked'),
    size: z.number(),
    contentType: z.string(),
    reason: z.enum(reauthReasons),
  }),
  z.object({ id: z.string(), type: z.literal('Document Deleted') }),
  z.object({ id: z.string(), type: z.literal('Document Changed'), change: z.enum(driveChanges) }),
])
const carried = z.object({ event: z.exactOptional(told) })
const parse = rowParser('document', documentRow)
const parseEvent = rowParser('document event', carried)

/** The event that a write of a document's row has made true, if any. Rejects a row that is none of ours. */
export function documentEvent(item: unknown): DrivewayEvent | undefined {
  const { event } = parseEvent(item)
  if (event === undefined) return undefined
  const row = parse(item)
  const detail = detailOf(row, event.id, row.seq)
  switch (event.type) {
    case 'Document Stored': {
      const { objectKey = '', standing } = row
      const { hash, verdict, revision } = standing ?? {}
      const checksum = hash && verdict ? { checksum: { ...hash, verdict } } : {}
      const etag = `"${revision ?? event.id}"`
      const replaced = event.replaced ? { replaced: true as const } : {}
      return { type: event.type, detail: { ...detail, objectKey, etag, ...checksum, ...replaced } }
    }
    case 'Document Failed': {
      const { size, contentType, error } = event
      return { type: event.type, detail: { ...detail, size, contentType, error } }
    }
    case 'Document Parked': {
      const { size, contentType, reason } = event
      return { type: event.type, detail: { ...detail, size, contentType, reason } }
    }
    case 'Document Deleted':
      return { type: event.type, detail }
    case 'Document Changed':
      return { type: event.type, detail: { ...detail, change: event.change } }
    default:
      return event satisfies never
  }
}

/** The removal of a row whose change was a delete. */
export function removalEvent(item: unknown): DrivewayEvent | undefined {
  const row = parse(item)
  if (row.change?.door !== 'delete') return undefined
  return { type: 'Document Deleted', detail: detailOf(row, row.change.id, row.seq + 1) }
}

function detailOf(row: DocumentRow, eventId: string, seq: number) {
  const { userId, documentId, connectionId, provider, name, standing, change } = row
  const { size = 0, contentType = 'application/octet-stream' } = standing ?? change ?? {}
  const occurredAt = row.updatedAt
  return {
    eventId,
    seq,
    schemaVersion: 1,
    occurredAt,
    userId,
    documentId,
    connectionId,
    provider,
    ...(name === undefined ? {} : { name }),
    size,
    contentType,
  } as const
}
