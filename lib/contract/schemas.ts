import * as z from 'zod/mini'
import { providerIds } from '../providers/registry.ts'
import { connectionId, contentType, documentId, documentStatus, extension, name, time } from './fields.ts'
import {
  contentLinkMinutes,
  downloadUrlMinutes,
  listLimit,
  maxIntakeBytes,
  maxPartsBytes,
  partsPerCall,
  uploadUrlMinutes,
} from './limits.ts'
import { connection, document } from './views.ts'
import { answer, part, request } from './words.ts'

/** Requests and answers. */

const wholeNumber = z.int('must be a whole number')
const from1To = (max: number) =>
  [z.gte(1, 'must be at least 1'), z.lte(max, `must be at most ${max}`)] as const
const atMost = (length: number) => z.string().check(z.maxLength(length))
const maybe = (length: number) => z.optional(atMost(length))

export const none = z.strictObject({})
export const documentPath = z.strictObject({ documentId })
export const linkQuery = z.strictObject({ link: atMost(2048) })
export const connectionPath = z.strictObject({ connectionId })

const returnUrl = z.string().check(z.maxLength(2048, 'must have at most 2048 characters'))

export const startConnectionBody = request('StartConnectionBody', {
  provider: [z.enum(providerIds), 'Where documents will go.'],
  returnUrl: [
    z.optional(returnUrl),
    'Where the browser comes back to; must match the deployment’s allow-list. Without one, a page shows the completion code.',
  ],
})

export const completeConnectionBody = request('CompleteConnectionBody', {
  completionCode: [
    z.string().check(z.minLength(1), z.maxLength(512)),
    'The code that came back with the browser. It works once, for the user who started.',
  ],
})

export const reauthorizeBody = request('ReauthorizeBody', {
  returnUrl: [
    z.optional(returnUrl),
    'Where the browser comes back to; must match the deployment’s allow-list.',
  ],
})

/** What a provider sends along with the browser; it adds parameters as it pleases, so this one is open. */
export const callbackQuery = z.looseObject({ state: maybe(1024), code: maybe(4096), error: maybe(256) })

export const passwordPageQuery = z.object({ state: maybe(1024) })
/** What a browser sends of the form; what is wrong with it is said on the page. */
export const passwordForm = z.object({
  serverUrl: maybe(1024),
  userName: maybe(255),
  password: maybe(1024),
  cancel: maybe(16),
})

export const putDocumentQuery = z.strictObject({
  connectionId: z.optional(connectionId),
  extension: z.optional(extension),
  name: z.optional(name),
})

export const deleteDocumentQuery = z.strictObject({ permanent: z.optional(z.enum(['true', 'false'])) })

export const renameBody = request('RenameBody', {
  name: [name, 'What a person calls the file from now on.'],
})

export const listDocumentsQuery = z.strictObject({
  connectionId: z.optional(connectionId),
  status: z.optional(documentStatus),
  limit: z.optional(
    z.pipe(
      z.string().check(z.regex(/^[0-9]{1,4}$/, 'must be a whole number')),
      z.pipe(z.transform(Number), z.int().check(...from1To(listLimit.max))),
    ),
  ),
  cursor: maybe(1024),
  order: z.optional(z.enum(['newest'])),
  q: z.optional(z.string().check(z.minLength(1, 'must not be empty'), z.maxLength(255))),
})

const minutes = ({ default: usual, max }: { readonly default: number; readonly max: number }) =>
  z._default(wholeNumber.check(...from1To(max)), usual)

export const contentLinkBody = request('ContentLinkBody', {
  expiresInMinutes: [minutes(contentLinkMinutes), 'How long the link works, in minutes.'],
})

export const downloadUrlBody = request('DownloadUrlBody', {
  expiresInMinutes: [minutes(downloadUrlMinutes), 'How long the URL works, in minutes.'],
})

const sizeTo = (most: number) =>
  z
    .int('must be a whole number of bytes')
    .check(z.gte(0, 'must not be negative'), z.lte(most, `must be at most ${most}`))
const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex'))

const called = 'What a person calls the file; it never decides which document is meant.'

export const uploadUrlBody = request('UploadUrlBody', {
  connectionId: [
    z.optional(connectionId),
    'Which connection; may be left out when there is exactly one active.',
  ],
  contentType: [contentType, 'The document’s media type.'],
  extension: [z.optional(extension), 'The file name’s extension, with its dot.'],
  name: [z.optional(name), called],
  size: [z.optional(sizeTo(maxIntakeBytes)), 'How many bytes will come; the URL then takes no other number.'],
  sha256: [z.optional(sha256), 'Their SHA-256 in lower-case hex; the URL then takes no other bytes.'],
  expiresInMinutes: [minutes(uploadUrlMinutes), 'How long the URL works, in minutes.'],
})

export const intakeBody = request('IntakeBody', {
  connectionId: [
    z.optional(connectionId),
    'Which connection; may be left out when there is exactly one active.',
  ],
  contentType: [contentType, 'The document’s media type.'],
  extension: [z.optional(extension), 'The file name’s extension, with its dot.'],
  name: [z.optional(name), called],
  size: [sizeTo(maxPartsBytes), 'How many bytes will come.'],
  multipart: [
    z.optional(z.boolean()),
    'True for an upload in parts, which goes on after anything; needed above 5 GiB.',
  ],
  sha256: [
    z.optional(sha256),
    'Their SHA-256 in lower-case hex; the transfer fails with digest_mismatch when it is another.',
  ],
})

export const connectionAnswer = answer('ConnectionAnswer', { connection: [connection, 'The connection.'] })

export const authorizationAnswer = answer('AuthorizationAnswer', {
  connection: [connection, 'The connection, pending until it is completed.'],
  authorizationUrl: [z.optional(z.url()), 'Where to send the user’s browser; absent for s3.'],
})

export const connectionsAnswer = answer('ConnectionsAnswer', {
  connections: [z.array(connection), 'All of the user’s connections.'],
})

export const documentAnswer = answer('DocumentAnswer', { document: [document, 'The document.'] })

export const documentsAnswer = answer('DocumentsAnswer', {
  documents: [z.array(document), 'One page.'],
  nextCursor: [z.optional(z.string()), 'Pass it as cursor for the next page; absent on the last.'],
})

const signedUpload = {
  method: [z.literal('PUT'), 'The method.'],
  url: [z.url(), 'The URL. It is its own credential: send no Authorization header.'],
  headers: [z.record(z.string(), z.string()), 'Send exactly these headers.'],
  expiresAt: [time, 'Until when the upload can begin.'],
} satisfies Parameters<typeof part>[0]

const uploadId = z.string().check(z.minLength(1, 'must not be empty'), z.maxLength(64))
const cut = {
  uploadId: [z.string(), 'The upload, for every later request about it.'],
  partSize: [wholeNumber, 'Bytes of every part but the last.'],
  partCount: [wholeNumber, 'How many parts there are.'],
} satisfies Parameters<typeof part>[0]
const signedPart = {
  number: [wholeNumber, 'Which part.'],
  url: [z.url(), 'Where its bytes are PUT. It is its own credential.'],
  headers: [z.record(z.string(), z.string()), 'Send exactly these headers.'],
} satisfies Parameters<typeof part>[0]
const partedUpload = {
  method: [z.literal('MULTIPART'), 'Each part has a PUT of its own.'],
  ...cut,
  expiresAt: [time, 'Until when the upload is open.'],
  parts: [z.array(part(signedPart)), 'The first parts; ask for the others when they are due.'],
} satisfies Parameters<typeof part>[0]

export const intakeAnswer = answer('IntakeAnswer', {
  document: [document, 'The document, receiving.'],
  upload: [
    z.union([part(signedUpload), part(partedUpload)]),
    'The one request that uploads the bytes; with multipart, the parts that do.',
  ],
})
export const partsBody = request('PartsBody', {
  uploadId: [uploadId, 'The upload.'],
  numbers: [
    z
      .array(z.int('must be whole numbers').check(...from1To(10_000)))
      .check(
        z.minLength(1, 'must name a part'),
        z.maxLength(partsPerCall, `must be ${partsPerCall} at most`),
      ),
    'Which parts, from 1 on.',
  ],
})
export const partsAnswer = answer('PartsAnswer', {
  parts: [
    z.array(part({ ...signedPart, expiresAt: [time, 'Until when its PUT can begin.'] })),
    'What each part is PUT to.',
  ],
})
export const openUploadAnswer = answer('OpenUploadAnswer', {
  document: [document, 'The document, receiving.'],
  upload: [
    part({
      ...cut,
      size: [wholeNumber, 'How many bytes were announced.'],
      sha256: [z.optional(z.string()), 'The SHA-256 that was announced.'],
      stored: [
        z.array(
          part({
            number: [wholeNumber, 'Which part.'],
            size: [wholeNumber, 'Its bytes.'],
            etag: [z.string(), 'Its tag in the bucket.'],
          }),
        ),
        'The parts that have arrived.',
      ],
    }),
    'The upload that is open.',
  ],
})
export const completeUploadBody = request('CompleteUploadBody', { uploadId: [uploadId, 'The upload.'] })

export const contentLinkAnswer = answer('ContentLinkAnswer', {
  url: [z.url(), 'The link. It is its own credential, and ends with the document and its connection.'],
  expiresAt: [time, 'Until when it works.'],
})
export const uploadUrlAnswer = answer('UploadUrlAnswer', signedUpload)
export const downloadUrlAnswer = answer('DownloadUrlAnswer', {
  method: [z.literal('GET'), 'The method.'],
  url: [z.url(), 'The URL. It is its own credential.'],
  expiresAt: [time, 'Until when it works.'],
})
