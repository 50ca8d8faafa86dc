import { scopes, tokenScope } from '../scopes.ts'
import type { Scope } from '../scopes.ts'
import { oauth2Of, oauthProviderIds, providerIds, usesOAuth } from '../../providers/registry.ts'
import type { Parameter } from './types.ts'

/** Words and examples of the OpenAPI document that the schemas do not carry. */

export const tags = [
  { name: 'Connections', description: 'A user’s own cloud storage, connected by consent.' },
  { name: 'Documents', description: 'The storage operations.' },
  { name: 'Intake', description: 'Uploads of any size, transferred to the drive by event.' },
  { name: 'Users', description: 'Erasure and export, by machines.' },
  { name: 'Webhooks', description: 'Events for servers of the app, signed.' },
  { name: 'Service', description: 'About the API itself.' },
] as const

export const description = [
  'Documents of an app’s users, stored in the users’ own cloud drives.',
  'Times are ISO 8601 in UTC, sizes are bytes. Every response carries x-request-id.',
  'Errors are application/problem+json (RFC 9457) with a stable code.',
  'Unknown query parameters and body fields are refused. New response fields may appear: ignore what you do not know.',
].join(' ')

export const scopeWords = Object.entries(scopes)
  .map(([scope, means]) => `${tokenScope(scope as Scope)}: ${means}`)
  .join(' ')
export const userHeaderWords =
  'From machines only: the user whom the call is for, as the sub of their own token would say it, percent-encoded.'

/** What each parameter means, and an example of it. A test holds it complete. */
export const parameterWords: Readonly<
  Record<string, { readonly description: string; readonly example: string | number }>
> = {
  documentId: { description: 'The client’s own name for the document.', example: 'invoice-2026-11' },
  connectionId: {
    description: 'The connection; may be left out when the user has exactly one active.',
    example: 'c3a5f0de-6a1b-4f6e-9a38-0b9a7c1f2d10',
  },
  webhookId: { description: 'The webhook.', example: '5b1e8a52-0c39-4e1b-8b54-7b0c1c8f7a90' },
  eventId: {
    description: 'The event that was to be delivered.',
    example: '0a9c7a52-6b7e-4a55-8a3c-0b4b6f6d7a11',
  },
  userId: { description: 'The user, as the sub of their own token says it.', example: 'alice' },
  files: {
    description: 'delete also removes the files from the user’s own drive; keep when left out.',
    example: 'keep',
  },
  link: { description: 'What a content link carries.', example: 'v1.k1.shortened' },
  extension: { description: 'The file name’s extension, with its dot.', example: '.pdf' },
  name: { description: 'What a person calls the file.', example: '契約書 2026.pdf' },
  permanent: {
    description: 'true: past the drive’s trash, where the drive can; on s3 with every version.',
    example: 'true',
  },
  order: { description: 'newest: the newest change first; by id when left out.', example: 'newest' },
  q: { description: 'Only documents whose name or id begins so, in any case.', example: 'invoice' },
  status: { description: 'Only documents in this status.', example: 'stored' },
  limit: { description: 'How many at most; 50 when left out.', example: 50 },
  cursor: {
    description: 'The nextCursor of the page before.',
    example: 'aW52b2ljZS0yMDI2LTEwIDIwMjYtMTAtMjJUMDg6MDI6MDEuMDAwWg',
  },
  state: { description: 'The provider returns it as it was sent.', example: 'pT0ZkW9o' },
  code: { description: 'The provider’s authorization code.', example: '4/0AX4XfWh' },
  error: { description: 'Why there is no code, such as access_denied.', example: 'access_denied' },
}

/** Request headers that are refused when they are written otherwise. */
export const headerFormats: Readonly<Record<string, Pick<Parameter, 'schema' | 'example'>>> = {
  'content-digest': {
    schema: { type: 'string', pattern: '^sha-256=:[A-Za-z0-9+/]{43}=:$' },
    example: 'sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:',
  },
}

/** Examples take the registry's first drive that a user connects. */
const [drive = providerIds[0]] = oauthProviderIds

const connection = {
  id: 'c3a5f0de-6a1b-4f6e-9a38-0b9a7c1f2d10',
  provider: drive,
  status: 'active',
  account: { email: 'alice@example.com' },
  scopes: usesOAuth(drive) ? oauth2Of(drive).scopes : [],
  createdAt: '2026-11-22T08:00:00.000Z',
  updatedAt: '2026-11-22T08:01:00.000Z',
}
const pending = {
  id: connection.id,
  provider: connection.provider,
  status: 'pending',
  createdAt: connection.createdAt,
  updatedAt: connection.createdAt,
}
export const document = {
  id: 'invoice-2026-11',
  connectionId: connection.id,
  provider: drive,
  objectKey: '1a2B3c4D5e6F7g8H9i0J',
  name: 'Invoice November 2026.pdf',
  status: 'stored',
  size: 182044,
  contentType: 'application/pdf',
  extension: '.pdf',
  checksum: {
    algorithm: 'sha256',
    value: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
    verdict: 'verified',
  },
  createdAt: '2026-11-22T08:02:00.000Z',
  updatedAt: '2026-11-22T08:02:01.000Z',
}
const receiving = {
  id: 'scan-0007',
  connectionId: connection.id,
  provider: drive,
  status: 'receiving',
  size: 209715200,
  contentType: 'application/pdf',
  extension: '.pdf',
  createdAt: '2026-11-22T08:03:00.000Z',
  updatedAt: '2026-11-22T08:03:00.000Z',
}
const signedUpload = {
  method: 'PUT',
  url: 'https://intake.example.com/alice/c3a5f0de/scan-0007.pdf?X-Amz-Signature=shortened',
  headers: { 'content-type': 'application/pdf' },
  expiresAt: '2026-11-22T09:03:00.000Z',
}

const cut = { uploadId: '5f0c6d1e-2f43-4a1b-9c7e-8d0a4b6e1f27', partSize: 8388608, partCount: 25 }
const signedPart = {
  url: 'https://intake.example.com/alice/c3a5f0de/scan-0007/~5f0c6d1e?partNumber=101&X-Amz-Signature=shortened',
  headers: {},
}

const webhook = {
  id: '5b1e8a52-0c39-4e1b-8b54-7b0c1c8f7a90',
  url: 'https://app.example.com/hooks/driveway',
  types: ['document.stored'],
  status: 'active',
  createdAt: '2026-11-22T08:05:00.000Z',
  updatedAt: '2026-11-22T08:05:00.000Z',
}

/** One example of each body, by schema name. A test validates each against its schema. */
export const bodyExamples: Readonly<Record<string, unknown>> = {
  StartConnectionBody: { provider: drive, returnUrl: 'https://app.example.com/connected' },
  CompleteConnectionBody: { completionCode: 'hVqk3Gm0b9Yx2u7R' },
  ReauthorizeBody: { returnUrl: 'https://app.example.com/connected' },
  RenameBody: { name: 'Invoice November 2026.pdf' },
  ContentLinkBody: { expiresInMinutes: 5 },
  DownloadUrlBody: { expiresInMinutes: 15 },
  UploadUrlBody: { contentType: 'application/pdf', extension: '.pdf', expiresInMinutes: 15 },
  IntakeBody: { contentType: 'application/pdf', extension: '.pdf', size: 209715200 },
  PartsBody: { uploadId: '5f0c6d1e-2f43-4a1b-9c7e-8d0a4b6e1f27', numbers: [101, 102] },
  CompleteUploadBody: { uploadId: '5f0c6d1e-2f43-4a1b-9c7e-8d0a4b6e1f27' },
  PartsAnswer: { parts: [{ ...signedPart, number: 101, expiresAt: '2026-11-22T09:03:00.000Z' }] },
  OpenUploadAnswer: {
    document: receiving,
    upload: {
      ...cut,
      size: 209715200,
      stored: [{ number: 1, size: 8388608, etag: '9bb58f26192e4ba00f01e2e7b136bbd8' }],
    },
  },
  WebhookBody: { url: 'https://app.example.com/hooks/driveway', types: ['document.stored'] },
  WebhookAnswer: { webhook, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  WebhooksAnswer: { webhooks: [webhook] },
  WebhookSecretAnswer: { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  DeliveriesAnswer: {
    deliveries: [
      {
        eventId: '0a9c7a52-6b7e-4a55-8a3c-0b4b6f6d7a11',
        type: 'document.stored',
        status: 'pending',
        attempts: 1,
        answered: 503,
        nextAttemptAt: '2026-11-22T08:05:30.000Z',
        createdAt: '2026-11-22T08:05:00.000Z',
        updatedAt: '2026-11-22T08:05:01.000Z',
      },
    ],
  },
  ErasureAnswer: {
    erasure: {
      id: '0a9c7a52-6b7e-4a55-8a3c-0b4b6f6d7a11',
      userId: 'alice',
      status: 'waiting',
      files: 'keep',
      startedAt: '2026-11-22T08:05:00.000Z',
      counts: { connections: 1, documents: 12, objects: 3 },
      kept: [{ what: 'table backups', until: '2026-12-27T08:05:00.000Z' }],
    },
  },
  ExportAnswer: { rows: [{ table: 'connections', row: { connectionId: connection.id, provider: drive } }] },
  ConnectionAnswer: { connection },
  AuthorizationAnswer: {
    connection: pending,
    authorizationUrl: 'https://login.example.com/authorize?client_id=shortened&state=shortened',
  },
  ConnectionsAnswer: { connections: [connection] },
  DocumentAnswer: { document },
  DocumentsAnswer: { documents: [document], nextCursor: 'eyJkIjoiaW52b2ljZSJ9' },
  IntakeAnswer: { document: receiving, upload: signedUpload },
  UploadUrlAnswer: signedUpload,
  ContentLinkAnswer: {
    url: 'https://api.example.com/v1/content?link=v1.k1.shortened',
    expiresAt: '2026-11-22T08:10:00.000Z',
  },
  DownloadUrlAnswer: {
    method: 'GET',
    url: 'https://storage.example.com/alice/invoice-2026-11.pdf?X-Amz-Signature=shortened',
    expiresAt: '2026-11-22T09:02:00.000Z',
  },
  Health: {
    healthy: true,
    status: 'active',
    checkedAt: '2026-11-22T08:04:00.000Z',
    latencyMs: 143,
    quota: { used: 4831838208, limit: 16106127360 },
  },
}
