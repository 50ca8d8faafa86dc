import * as z from 'zod/mini'
import { errorCodes } from '../errors.ts'
import { hashAlgorithms, providerIds } from '../providers/registry.ts'
import { bytes, connectionId, connectionStatus, documentId, documentStatus, name, time } from './fields.ts'
import { answer, part } from './words.ts'

/** What the API shows of a connection, a document, a check and a problem. */

const text = z.string()
const provider = z.enum(providerIds)

export const connection = answer('Connection', {
  id: [connectionId, 'The connection’s id, made by us.'],
  provider: [provider, 'Where its documents go.'],
  status: [
    connectionStatus,
    'pending until the consent is completed; requires_reauth when the provider no longer accepts it; disconnected when the user ended it.',
  ],
  account: [
    z.optional(part({ email: [text, 'The account’s address or sign-in name.'] })),
    'The account at the provider, as far as it tells.',
  ],
  scopes: [z.optional(z.array(text)), 'What the user granted, in the provider’s own words.'],
  createdAt: [time, 'When it was started.'],
  updatedAt: [time, 'When it last changed.'],
  reason: [z.optional(text), 'Why it requires reauthorization, as a stable word such as grant_revoked.'],
})

export const checksum = part({
  algorithm: [z.enum(hashAlgorithms), 'The hash that the provider offers.'],
  value: [text, 'The provider’s own hash, in its own notation.'],
  verdict: [
    z.enum(['verified', 'provider_transformed', 'unverified', 'mismatch']),
    'verified: the provider’s hash equals the hash of what was sent. provider_transformed: the provider rewrites such files. unverified: the provider gives no hash of this content, or not yet.',
  ],
})

const progress = part({
  bytesTransferred: [bytes, 'Bytes that the provider has acknowledged.'],
  bytesTotal: [bytes, 'Bytes in all.'],
})
export const failure = part({
  code: [z.enum(errorCodes), 'One of the error codes.'],
  detail: [text, 'A sentence for a person.'],
})

export const document = answer('Document', {
  id: [documentId, 'The client’s own name for the document.'],
  connectionId: [connectionId, 'The connection that it is stored through.'],
  provider: [provider, 'Where it is stored.'],
  objectKey: [z.optional(text), 'The provider’s own id of the file; absent until there is one.'],
  name: [z.optional(name), 'What a person calls the file, byte for byte as it was given.'],
  status: [
    documentStatus,
    'receiving waits for the intake upload, uploading is on its way to the drive, parked waits for the user to reconnect; stored and failed are final.',
  ],
  size: [bytes, 'Bytes.'],
  contentType: [text, 'The media type it was stored with.'],
  extension: [z.optional(text), 'The file name’s extension, with its dot.'],
  etag: [
    z.optional(text),
    'The version that stands and can be read, a strong tag with its quotes; absent while there is none.',
  ],
  checksum: [z.optional(checksum), 'How the content was proven after the upload.'],
  progress: [z.optional(progress), 'How far the transfer to the drive is, while there is one.'],
  error: [z.optional(failure), 'Why it failed or is parked.'],
  createdAt: [time, 'When the document was first announced or stored.'],
  updatedAt: [time, 'When it last changed.'],
})

const quota = part({
  used: [bytes, 'Bytes in use.'],
  limit: [z.optional(bytes), 'Bytes in all; absent when there is no limit.'],
})

export const health = answer('Health', {
  healthy: [z.boolean(), 'The provider answered for this connection just now.'],
  status: [connectionStatus, 'The connection’s status after the check.'],
  checkedAt: [time, 'When the check was made.'],
  latencyMs: [z.number(), 'How long the provider took, in milliseconds.'],
  reason: [z.optional(text), 'Why it is not healthy.'],
  quota: [z.optional(quota), 'The drive’s space, where the provider tells.'],
})

export const problem = answer('Problem', {
  type: [text, 'A URI that names the kind of problem.'],
  title: [text, 'The kind of problem in short words.'],
  status: [z.int(), 'The HTTP status.'],
  detail: [text, 'What is wrong this time and what to do, for a person.'],
  code: [z.enum(errorCodes), 'What a program acts on. The set is closed.'],
  requestId: [text, 'The same as the x-request-id header; quote it when you report a problem.'],
  retryAfterSeconds: [z.optional(z.number()), 'The same as the Retry-After header.'],
  limitBytes: [z.optional(z.number()), 'The most that the drive takes.'],
  connectionId: [z.optional(text), 'The connection concerned.'],
  links: [
    z.optional(z.record(text, text)),
    'What helps to go on: intake, content or reauthorize, as paths of this API.',
  ],
})

export type ConnectionView = z.infer<typeof connection>
export type DocumentView = z.infer<typeof document>
export type HealthView = z.infer<typeof health>
export type ProblemView = z.infer<typeof problem>
