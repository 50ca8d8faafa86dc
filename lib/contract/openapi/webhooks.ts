import { events, webhookTest } from '../events.ts'
import { testType, webhookTypes } from '../webhook-types.ts'
import { nameOf, referenceTo } from './schemas.ts'
import type { Operation } from './types.ts'
import { document } from './words.ts'

type EventType = keyof typeof events

const ofAny = {
  eventId: '0a9c7a52-6b7e-4a55-8a3c-0b4b6f6d7a11',
  schemaVersion: 1,
  occurredAt: document.updatedAt,
}
const ofUser = { ...ofAny, seq: 1, userId: 'alice' }
const { id: documentId, connectionId, provider, name, size, contentType, objectKey, checksum } = document
const ofConnection = { ...ofUser, connectionId, provider }
const ofDocument = { ...ofConnection, documentId, name, size, contentType }
const etag = '"0a9c7a52-6b7e-4a55-8a3c-0b4b6f6d7a11"'
const error = { code: 'digest_mismatch', detail: 'The bytes that came are not those that were announced.' }
const webhookId = '5b1e8a52-0c39-4e1b-8b54-7b0c1c8f7a90'
const [reason, files] = ['grant_revoked', 'keep']
const rejected = { bucket: 'driveway-intake', key: 'alice/invoice.pdf', reason: 'key_not_in_scheme' }

/** When each event is told, and an example of what it says. */
export const eventWords: Readonly<Record<EventType, readonly [when: string, example: object]>> = {
  'Document Stored': [
    'The drive has it, and its hash is right where the drive gives one.',
    { ...ofDocument, objectKey, etag, checksum },
  ],
  'Document Failed': [
    'It will not be stored, or a hash that the drive gave late is of other bytes.',
    { ...ofDocument, error },
  ],
  'Document Parked': ['It waits for the user to reconnect.', { ...ofDocument, reason }],
  'Document Deleted': ['It is gone from the drive.', ofDocument],
  'Document Changed': [
    'Its user has done something to the file in the drive.',
    { ...ofDocument, change: 'edited' },
  ],
  'Connection Activated': ['A user connected or reconnected.', ofConnection],
  'Connection Requires Reauth': ['The provider no longer accepts the consent.', { ...ofConnection, reason }],
  'Connection Disconnected': ['A user gave the connection up.', ofConnection],
  'Intake Rejected': [
    'An object’s key or name does not fit, or its connection does not exist.',
    { ...ofAny, ...rejected },
  ],
  'User Erased': ['An erasure is done.', { ...ofUser, files }],
}

const headers = {
  'webhook-id': 'The eventId: the same when the event is delivered again.',
  'webhook-timestamp': 'When it was sent, in seconds since 1970.',
  'webhook-signature': 'For each secret that holds, v1 and what id, timestamp and body are signed with.',
}

/** What the deployment sends to the app's endpoints. https://spec.openapis.org/oas/v3.1.1#oas-webhooks */
export function webhooks(): Record<string, { readonly post: Operation }> {
  const told = (Object.keys(webhookTypes) as EventType[]).map((event) => {
    const [when, example] = eventWords[event]
    return [webhookTypes[event], delivery(webhookTypes[event], events[event], when, example)] as const
  })
  const test = delivery(testType, webhookTest, 'It was asked for, and says nothing else.', { webhookId })
  return Object.fromEntries([...told, [testType, test] as const].map(([type, post]) => [type, { post }]))
}

function delivery(
  type: string,
  schema: Parameters<typeof nameOf>[0],
  when: string,
  example: object,
): Operation {
  return {
    operationId: `on${nameOf(schema)}`,
    tags: ['Webhooks'],
    summary: when,
    description: `${when} Verify the signature over the bytes of the body as they came.`,
    security: [],
    parameters: Object.entries(headers).map(([name, description]) => ({
      name,
      in: 'header',
      required: true,
      description,
      schema: { type: 'string' },
    })),
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: {
              type: { type: 'string', const: type, description: 'What is told.' },
              timestamp: { type: 'string', format: 'date-time', description: 'When it became true.' },
              data: { ...referenceTo(schema), description: 'What it says.' },
            },
            required: ['type', 'timestamp', 'data'],
          },
          examples: { typical: { value: { type, timestamp: ofAny.occurredAt, data: example } } },
        },
      },
    },
    responses: {
      '2XX': { description: 'It was heard.', headers: {} },
      '410': { description: 'The webhook is switched off.', headers: {} },
      default: {
        description: 'It is sent again for a day. No answer for 15 seconds is one, too.',
        headers: {},
      },
    },
  }
}
