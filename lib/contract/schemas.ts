import * as z from 'zod/mini'
import { connectionIdPattern, documentIdPattern, extensionPattern } from '../ids.ts'
import { errorCodes } from '../errors.ts'
import { downloadUrlMinutes, listLimit, maxIntakeBytes, uploadUrlMinutes } from './limits.ts'
import { hashAlgorithms, providerIds } from '../providers/registry.ts'

/** The shapes of the HTTP contract. Requests are strict: an unknown field is refused by name. */

export const documentId = z
  .string()
  .check(z.regex(documentIdPattern, 'must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'))
export const extension = z.string().check(z.regex(extensionPattern, 'must match ^\\.[A-Za-z0-9]{1,16}$'))
export const connectionId = z.string().check(z.regex(connectionIdPattern, 'must be a connection id'))
export const contentType = z
  .string()
  .check(
    z.maxLength(255, 'must have at most 255 characters'),
    z.regex(
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(\s*;[\x20-\x7e]*)?$/,
      'must be a media type such as application/pdf',
    ),
  )
const returnUrl = z.string().check(z.maxLength(2048, 'must have at most 2048 characters'))
const sha256Hex = z.string().check(z.regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex'))
const minutes = (max: number) =>
  z.int('must be a whole number').check(z.gte(1, 'must be at least 1'), z.lte(max, `must be at most ${max}`))
const time = z.iso.datetime()
const bytes = z.int().check(z.gte(0))

export const none = z.strictObject({})
export const documentPath = z.strictObject({ documentId })
export const connectionPath = z.strictObject({ connectionId })

export const startConnectionBody = z.strictObject({
  provider: z.enum(providerIds),
  returnUrl: z.optional(returnUrl),
})
export const completeConnectionBody = z.strictObject({
  completionCode: z.string().check(z.minLength(1), z.maxLength(512)),
})
export const reauthorizeBody = z.strictObject({ returnUrl: z.optional(returnUrl) })
/** What a provider sends along with the browser; it adds parameters as it pleases, so this one is open. */
export const callbackQuery = z.looseObject({
  state: z.optional(z.string().check(z.maxLength(1024))),
  code: z.optional(z.string().check(z.maxLength(4096))),
  error: z.optional(z.string().check(z.maxLength(256))),
})

export const putDocumentQuery = z.strictObject({
  connectionId: z.optional(connectionId),
  extension: z.optional(extension),
})
export const listDocumentsQuery = z.strictObject({
  connectionId: z.optional(connectionId),
  status: z.optional(z.enum(['receiving', 'uploading', 'stored', 'parked', 'failed'])),
  limit: z.optional(
    z.pipe(
      z.string().check(z.regex(/^[0-9]{1,4}$/, 'must be a whole number')),
      z.pipe(
        z.transform(Number),
        z
          .int()
          .check(z.gte(1, 'must be at least 1'), z.lte(listLimit.max, `must be at most ${listLimit.max}`)),
      ),
    ),
  ),
  cursor: z.optional(z.string().check(z.maxLength(1024))),
})
export const downloadUrlBody = z.strictObject({
  expiresInMinutes: z._default(minutes(downloadUrlMinutes.max), downloadUrlMinutes.default),
})
export const uploadUrlBody = z.strictObject({
  connectionId: z.optional(connectionId),
  contentType,
  extension: z.optional(extension),
  expiresInMinutes: z._default(minutes(uploadUrlMinutes.max), uploadUrlMinutes.default),
})
export const intakeBody = z.strictObject({
  connectionId: z.optional(connectionId),
  contentType,
  extension: z.optional(extension),
  size: z
    .int('must be a whole number of bytes')
    .check(z.gte(0, 'must not be negative'), z.lte(maxIntakeBytes, `must be at most ${maxIntakeBytes}`)),
  sha256: z.optional(sha256Hex),
})

export const connection = z.object({
  id: connectionId,
  provider: z.enum(providerIds),
  status: z.enum(['pending', 'active', 'requires_reauth', 'disconnected']),
  account: z.optional(z.object({ email: z.string() })),
  scopes: z.optional(z.array(z.string())),
  createdAt: time,
  updatedAt: time,
  reason: z.optional(z.string()),
})
/** How a stored document's content was proven. */
const checksum = z.object({
  algorithm: z.enum(hashAlgorithms),
  value: z.string(),
  /** `verified`: the provider's hash is that of what was sent. `provider_transformed`: it rewrites such files. */
  verdict: z.enum(['verified', 'provider_transformed', 'mismatch']),
})
export type DocumentChecksum = Readonly<z.output<typeof checksum>>

export const document = z.object({
  id: documentId,
  connectionId,
  provider: z.enum(providerIds),
  objectKey: z.optional(z.string()),
  status: z.enum(['receiving', 'uploading', 'stored', 'parked', 'failed']),
  size: bytes,
  contentType: z.string(),
  extension: z.optional(z.string()),
  checksum: z.optional(checksum),
  progress: z.optional(z.object({ bytesTransferred: bytes, bytesTotal: bytes })),
  error: z.optional(z.object({ code: z.enum(errorCodes), detail: z.string() })),
  createdAt: time,
  updatedAt: time,
})
export const health = z.object({
  healthy: z.boolean(),
  status: z.enum(['pending', 'active', 'requires_reauth', 'disconnected']),
  checkedAt: time,
  latencyMs: z.number(),
  reason: z.optional(z.string()),
  quota: z.optional(z.object({ used: bytes, limit: z.optional(bytes) })),
})
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(errorCodes),
  requestId: z.string(),
  retryAfterSeconds: z.optional(z.number()),
  connectionId: z.optional(z.string()),
  links: z.optional(z.record(z.string(), z.string())),
})

export const connectionAnswer = z.object({ connection })
export const authorizationAnswer = z.object({ connection, authorizationUrl: z.optional(z.url()) })
export const connectionsAnswer = z.object({ connections: z.array(connection) })
export const documentAnswer = z.object({ document })
export const documentsAnswer = z.object({ documents: z.array(document), nextCursor: z.optional(z.string()) })
const signedUpload = {
  method: z.literal('PUT'),
  url: z.url(),
  headers: z.record(z.string(), z.string()),
  expiresAt: time,
}
export const intakeAnswer = z.object({ document, upload: z.object(signedUpload) })
export const uploadUrlAnswer = z.object(signedUpload)
export const downloadUrlAnswer = z.object({ method: z.literal('GET'), url: z.url(), expiresAt: time })

export type ConnectionView = z.infer<typeof connection>
export type DocumentView = z.infer<typeof document>
export type HealthView = z.infer<typeof health>
export type ProblemView = z.infer<typeof problem>
