import { unmarshall } from '@aws-sdk/util-dynamodb'
import * as z from 'zod/mini'
import type { Connection } from '../catalog/connections.ts'
import { connectionOf } from '../catalog/connections.ts'
import type { DrivewayEvent } from '../telemetry/events.ts'
import { documentEvent, removalEvent } from './document-event.ts'

/** What Lambda hands over for one write of a table with a change stream. */
const record = z.object({
  dynamodb: z.object({
    SequenceNumber: z.string(),
    NewImage: z.optional(z.record(z.string(), z.unknown())),
    OldImage: z.optional(z.record(z.string(), z.unknown())),
  }),
})
const identified = z.object({ dynamodb: z.object({ SequenceNumber: z.string() }) })
type Image = Parameters<typeof unmarshall>[0]

/** By what a batch's answer names a record. */
export const sequenceNumberOf = (raw: unknown): string => identified.parse(raw).dynamodb.SequenceNumber

/** The event that a write of a row has made true, if any. Rejects a row that is none of ours. */
export function eventOf(raw: unknown): DrivewayEvent | undefined {
  const { NewImage: after, OldImage: before } = record.parse(raw).dynamodb
  const image = after ?? before
  if (image === undefined) return undefined
  const item = unmarshall(image as Image)
  if ('documentId' in item) return after === undefined ? removalEvent(item) : documentEvent(item)
  return after === undefined ? undefined : connectionEvent(connectionOf(item))
}

function connectionEvent(row: Connection): DrivewayEvent | undefined {
  const { event, seq = 1, userId, connectionId, provider, reason, updatedAt: occurredAt } = row
  if (event === undefined) return undefined
  const { id: eventId, type } = event
  const detail = { eventId, seq, schemaVersion: 1, occurredAt, userId, connectionId, provider } as const
  return type === 'Connection Requires Reauth'
    ? { type, detail: { ...detail, reason: reason ?? 'grant_revoked' } }
    : { type, detail }
}
