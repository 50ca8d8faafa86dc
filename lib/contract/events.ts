import * as z from 'zod/mini'
import { reauthReasons } from '../errors.ts'
import { providerIds } from '../providers/registry.ts'
import { bytes, connectionId, documentId, name, time, userId } from './fields.ts'
import { driveChanges } from './outbox.ts'
import type { RejectionReason } from './reasons.ts'
import { rejectionWords } from './reasons.ts'
import { checksum, failure } from './views.ts'
import type { webhookTypes } from './webhook-types.ts'
import { answer } from './words.ts'

/** What each event says: its detail on the deployment's bus, and `data` in a webhook. None holds a secret. */

const text = z.string()

const ofAny = {
  eventId: [text, 'The same when the event is delivered again.'],
  schemaVersion: [z.literal(1), 'A new number means that a field has another meaning.'],
  occurredAt: [time, 'When it became true.'],
} satisfies Parameters<typeof answer>[1]

const ofUser = {
  ...ofAny,
  seq: [z.int(), '1, 2, 3 … within one document or connection.'],
  userId: [userId, 'Whom it is about, as the sub of their token says it.'],
} satisfies Parameters<typeof answer>[1]

const ofConnection = {
  ...ofUser,
  connectionId: [connectionId, 'The connection.'],
  provider: [z.enum(providerIds), 'Where its documents go.'],
} satisfies Parameters<typeof answer>[1]

/** Made anew for each event: what zod writes of a field that may be absent is lost where it is shared. */
const ofDocument = () =>
  ({
    ...ofConnection,
    documentId: [documentId, 'The client’s own name for the document.'],
    name: [z.exactOptional(name), 'What a person calls the file.'],
    size: [bytes, 'Bytes of the content that stands; of what is not there when it failed or is parked.'],
    contentType: [text, 'The media type of the same.'],
  }) satisfies Parameters<typeof answer>[1]

const reason = z.enum(reauthReasons)
const rejections = Object.keys(rejectionWords) as [RejectionReason, ...RejectionReason[]]

/** By detail-type. */
export const events = {
  'Document Stored': answer('DocumentStored', {
    ...ofDocument(),
    objectKey: [text, 'The provider’s own id of the file.'],
    etag: [text, 'The version that stands now, with its quotes.'],
    checksum: [z.exactOptional(checksum), 'How the content was proven.'],
    replaced: [z.exactOptional(z.literal(true)), 'Another version stood before.'],
  }),
  'Document Failed': answer('DocumentFailed', { ...ofDocument(), error: [failure, 'Why.'] }),
  'Document Parked': answer('DocumentParked', { ...ofDocument(), reason: [reason, 'Why it waits.'] }),
  'Document Deleted': answer('DocumentDeleted', ofDocument()),
  'Document Changed': answer('DocumentChanged', {
    ...ofDocument(),
    change: [z.enum(driveChanges), 'What its user has done to the file in the drive.'],
  }),
  'Connection Activated': answer('ConnectionActivated', ofConnection),
  'Connection Requires Reauth': answer('ConnectionRequiresReauth', {
    ...ofConnection,
    reason: [reason, 'Why the provider no longer accepts the consent.'],
  }),
  'Connection Disconnected': answer('ConnectionDisconnected', ofConnection),
  'Intake Rejected': answer('IntakeRejected', {
    ...ofAny,
    bucket: [text, 'The intake bucket.'],
    key: [text, 'The object’s key.'],
    reason: [z.enum(rejections), 'Why it was rejected.'],
  }),
  'User Erased': answer('UserErased', {
    ...ofUser,
    files: [z.enum(['keep', 'delete']), 'What was asked for the files in the user’s own drive.'],
  }),
} satisfies Record<keyof typeof webhookTypes, unknown>

/** What is sent on demand, to see that deliveries arrive. */
export const webhookTest = answer('WebhookTest', { webhookId: [text, 'The webhook that was to be tested.'] })
