import * as z from 'zod/mini'
import { errorCodes } from '../errors.ts'
import { hashAlgorithms, providerIds } from '../providers/registry.ts'
import { bytes, connectionId, documentId, time } from './fields.ts'
import { named, part } from './words.ts'

/** What the API shows of a connection, a document, a check and a problem. */

export const connection = named(
  'Connection',
  z.object({
    id: connectionId,
    provider: z.enum(providerIds),
    status: z.enum(['pending', 'active', 'requires_reauth', 'disconnected']),
    account: z.optional(
      part(z.object({ email: z.string() }), {
        email: 'The account’s address or sign-in name.',
      }),
    ),
    scopes: z.optional(z.array(z.string())),
    createdAt: time,
    updatedAt: time,
    reason: z.optional(z.string()),
  }),
  {
    id: 'The connection’s id, made by us.',
    provider: 'Where its documents go.',
    status:
      'pending until the consent is completed; requires_reauth when the provider no longer accepts it; disconnected when the user ended it.',
    account: 'The account at the provider, as far as it tells.',
    scopes: 'What the user granted, in the provider’s own words.',
    createdAt: 'When it was started.',
    updatedAt: 'When it last changed.',
    reason: 'Why it requires reauthorization, as a stable word such as grant_revoked.',
  },
)

const checksum = part(
  z.object({
    algorithm: z.enum(hashAlgorithms),
    value: z.string(),
    verdict: z.enum(['verified', 'provider_transformed', 'unverified', 'mismatch']),
  }),
  {
    algorithm: 'The hash that the provider offers.',
    value: 'The provider’s own hash, in its own notation.',
    verdict:
      'verified: the provider’s hash equals the hash of what was sent. provider_transformed: the provider rewrites such files. unverified: the provider gives no hash of this content, or not yet.',
  },
)
/** How a stored document's content was proven. */
export type DocumentChecksum = Readonly<z.output<typeof checksum>>

export const document = named(
  'Document',
  z.object({
    id: documentId,
    connectionId,
    provider: z.enum(providerIds),
    objectKey: z.optional(z.string()),
    status: z.enum(['receiving', 'uploading', 'stored', 'parked', 'failed']),
    size: bytes,
    contentType: z.string(),
    extension: z.optional(z.string()),
    etag: z.optional(z.string()),
    checksum: z.optional(checksum),
    progress: z.optional(
      part(z.object({ bytesTransferred: bytes, bytesTotal: bytes }), {
        bytesTransferred: 'Bytes that the provider has acknowledged.',
        bytesTotal: 'Bytes in all.',
      }),
    ),
    error: z.optional(
      part(z.object({ code: z.enum(errorCodes), detail: z.string() }), {
        code: 'One of the error codes.',
        detail: 'A sentence for a person.',
      }),
    ),
    createdAt: time,
    updatedAt: time,
  }),
  {
    id: 'The client’s own name for the document.',
    connectionId: 'The connection that it is stored through.',
    provider: 'Where it is stored.',
    objectKey: 'The provider’s own id of the file; absent until there is one.',
    status:
      'receiving waits for the intake upload, uploading is on its way to the drive, parked waits for the user to reconnect; stored and failed are final.',
    size: 'Bytes.',
    contentType: 'The media type it was stored with.',
    extension: 'The file name’s extension, with its dot.',
    etag: 'The version that stands and can be read, a strong tag with its quotes; absent while there is none.',
    checksum: 'How the content was proven after the upload.',
    progress: 'How far the transfer to the drive is, while there is one.',
    error: 'Why it failed or is parked.',
    createdAt: 'When the document was first announced or stored.',
    updatedAt: 'When it last changed.',
  },
)

export const health = named(
  'Health',
  z.object({
    healthy: z.boolean(),
    status: z.enum(['pending', 'active', 'requires_reauth', 'disconnected']),
    checkedAt: time,
    latencyMs: z.number(),
    reason: z.optional(z.string()),
    quota: z.optional(
      part(z.object({ used: bytes, limit: z.optional(bytes) }), {
        used: 'Bytes in use.',
        limit: 'Bytes in all; absent when there is no limit.',
      }),
    ),
  }),
  {
    healthy: 'The provider answered for this connection just now.',
    status: 'The connection’s status after the check.',
    checkedAt: 'When the check was made.',
    latencyMs: 'How long the provider took, in milliseconds.',
    reason: 'Why it is not healthy.',
    quota: 'The drive’s space, where the provider tells.',
  },
)

export const problem = named(
  'Problem',
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(errorCodes),
    requestId: z.string(),
    retryAfterSeconds: z.optional(z.number()),
    connectionId: z.optional(z.string()),
    links: z.optional(z.record(z.string(), z.string())),
  }),
  {
    type: 'A URI that names the kind of problem.',
    title: 'The kind of problem in short words.',
    status: 'The HTTP status.',
    detail: 'What is wrong this time and what to do, for a person.',
    code: 'What a program acts on. The set is closed.',
    requestId: 'The same as the x-request-id header; quote it when you report a problem.',
    retryAfterSeconds: 'The same as the Retry-After header.',
    connectionId: 'The connection concerned.',
    links: 'What helps to go on: intake, content or reauthorize, as paths of this API.',
  },
)

export type ConnectionView = z.infer<typeof connection>
export type DocumentView = z.infer<typeof document>
export type HealthView = z.infer<typeof health>
export type ProblemView = z.infer<typeof problem>
