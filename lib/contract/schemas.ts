import * as z from 'zod/mini'
import { providerIds } from '../providers/registry.ts'
import { connectionId, contentType, documentId, extension, time } from './fields.ts'
import { downloadUrlMinutes, listLimit, maxIntakeBytes, uploadUrlMinutes } from './limits.ts'
import { connection, document } from './views.ts'
import { named, part } from './words.ts'

/** Requests and answers. Requests are strict: an unknown field is refused by name. */

const returnUrl = z.string().check(z.maxLength(2048, 'must have at most 2048 characters'))
const sha256Hex = z.string().check(z.regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex'))
const minutes = (max: number) =>
  z.int('must be a whole number').check(z.gte(1, 'must be at least 1'), z.lte(max, `must be at most ${max}`))
export const none = z.strictObject({})
export const documentPath = z.strictObject({ documentId })
export const connectionPath = z.strictObject({ connectionId })

export const startConnectionBody = named(
  'StartConnectionBody',
  z.strictObject({
    provider: z.enum(providerIds),
    returnUrl: z.optional(returnUrl),
  }),
  {
    provider: 'Where documents will go.',
    returnUrl:
      'Where the browser comes back to; must match the deployment’s allow-list. Without one, a page shows the completion code.',
  },
)

export const completeConnectionBody = named(
  'CompleteConnectionBody',
  z.strictObject({
    completionCode: z.string().check(z.minLength(1), z.maxLength(512)),
  }),
  {
    completionCode: 'The code that came back with the browser. It works once, for the user who started.',
  },
)

export const reauthorizeBody = named(
  'ReauthorizeBody',
  z.strictObject({ returnUrl: z.optional(returnUrl) }),
  {
    returnUrl: 'Where the browser comes back to; must match the deployment’s allow-list.',
  },
)
/** What a provider sends along with the browser; it adds parameters as it pleases, so this one is open. */
export const callbackQuery = z.looseObject({
  state: z.optional(z.string().check(z.maxLength(1024))),
  code: z.optional(z.string().check(z.maxLength(4096))),
  error: z.optional(z.string().check(z.maxLength(256))),
})

const typed = (max: number) => z.optional(z.string().check(z.maxLength(max)))
export const passwordPageQuery = z.object({ state: typed(1024) })
/** What a browser sends of the form; what is wrong with it is said on the page. */
export const passwordForm = z.object({
  serverUrl: typed(1024),
  userName: typed(255),
  password: typed(1024),
  cancel: typed(16),
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

export const downloadUrlBody = named(
  'DownloadUrlBody',
  z.strictObject({
    expiresInMinutes: z._default(minutes(downloadUrlMinutes.max), downloadUrlMinutes.default),
  }),
  {
    expiresInMinutes: 'How long the URL works, in minutes.',
  },
)

const intakeSize = z
  .int('must be a whole number of bytes')
  .check(z.gte(0, 'must not be negative'), z.lte(maxIntakeBytes, `must be at most ${maxIntakeBytes}`))

export const uploadUrlBody = named(
  'UploadUrlBody',
  z.strictObject({
    connectionId: z.optional(connectionId),
    contentType,
    extension: z.optional(extension),
    size: z.optional(intakeSize),
    sha256: z.optional(sha256Hex),
    expiresInMinutes: z._default(minutes(uploadUrlMinutes.max), uploadUrlMinutes.default),
  }),
  {
    connectionId: 'Which connection; may be left out when there is exactly one active.',
    contentType: 'The document’s media type.',
    extension: 'The file name’s extension, with its dot.',
    size: 'How many bytes will come; the URL then takes no other number.',
    sha256: 'Their SHA-256 in lower-case hex; the URL then takes no other bytes.',
    expiresInMinutes: 'How long the URL works, in minutes.',
  },
)

export const intakeBody = named(
  'IntakeBody',
  z.strictObject({
    connectionId: z.optional(connectionId),
    contentType,
    extension: z.optional(extension),
    size: intakeSize,
    sha256: z.optional(sha256Hex),
  }),
  {
    connectionId: 'Which connection; may be left out when there is exactly one active.',
    contentType: 'The document’s media type.',
    extension: 'The file name’s extension, with its dot.',
    size: 'How many bytes will come.',
    sha256: 'Their SHA-256 in lower-case hex; the transfer fails with digest_mismatch when it is another.',
  },
)

export const connectionAnswer = named('ConnectionAnswer', z.object({ connection }), {
  connection: 'The connection.',
})

export const authorizationAnswer = named(
  'AuthorizationAnswer',
  z.object({ connection, authorizationUrl: z.optional(z.url()) }),
  {
    connection: 'The connection, pending until it is completed.',
    authorizationUrl: 'Where to send the user’s browser; absent for s3.',
  },
)

export const connectionsAnswer = named('ConnectionsAnswer', z.object({ connections: z.array(connection) }), {
  connections: 'All of the user’s connections.',
})

export const documentAnswer = named('DocumentAnswer', z.object({ document }), {
  document: 'The document.',
})

export const documentsAnswer = named(
  'DocumentsAnswer',
  z.object({ documents: z.array(document), nextCursor: z.optional(z.string()) }),
  {
    documents: 'One page.',
    nextCursor: 'Pass it as cursor for the next page; absent on the last.',
  },
)
const signedUpload = {
  method: z.literal('PUT'),
  url: z.url(),
  headers: z.record(z.string(), z.string()),
  expiresAt: time,
}
const signedUploadWords = {
  method: 'The method.',
  url: 'The URL. It is its own credential: send no Authorization header.',
  headers: 'Send exactly these headers.',
  expiresAt: 'Until when the upload can begin.',
}
export const intakeAnswer = named(
  'IntakeAnswer',
  z.object({ document, upload: part(z.object(signedUpload), signedUploadWords) }),
  {
    document: 'The document, receiving.',
    upload: 'The one request that uploads the bytes.',
  },
)

export const uploadUrlAnswer = named('UploadUrlAnswer', z.object(signedUpload), signedUploadWords)
export const downloadUrlAnswer = named(
  'DownloadUrlAnswer',
  z.object({ method: z.literal('GET'), url: z.url(), expiresAt: time }),
  {
    method: 'The method.',
    url: 'The URL. It is its own credential.',
    expiresAt: 'Until when it works.',
  },
)
