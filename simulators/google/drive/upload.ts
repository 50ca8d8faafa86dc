import type { Readable } from 'node:stream'
import type { Exchange } from '../../kernel/exchange.ts'
import type { GoogleState } from '../state.ts'
import type { Caller } from './access.ts'
import { authenticate } from './access.ts'
import { finishedContent, newBlob, requireSpace } from './content.ts'
import { driveError, invalidParameter } from './errors.ts'
import { parseBodyText } from './metadata.ts'
import { MalformedMultipart, openRelated } from './multipart.ts'
import { answerFile, requestedFields } from './resource.ts'
import { openSession } from './sessions.ts'
import type { UploadRequest } from './upload-target.ts'
import { commitUpload, prepareUpload } from './upload-target.ts'

/**
 * `POST /upload/drive/v3/files` and `PATCH /upload/drive/v3/files/{id}`:
 * `uploadType` says how the bytes come.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads
 */
export async function upload(state: GoogleState, x: Exchange): Promise<void> {
  const { searchParams: query } = x.url
  const caller = authenticate(state, x, 'write')
  requestedFields(query)
  const type = query.get('uploadType') ?? x.req.headers['x-goog-upload-protocol']
  const fileId = x.params['id']
  if (type === 'resumable') return openSession(state, caller, x, fileId)
  if (type === 'multipart') return multipartUpload(state, caller, x, fileId)
  if (type !== 'media') throw invalidParameter('uploadType', `Invalid value for uploadType: ${String(type)}`)
  const mediaType = x.req.headers['content-type']
  await receive(state, caller, x, { fileId, body: {}, mediaType, query }, x.body, x.contentLength)
}

async function multipartUpload(
  state: GoogleState,
  caller: Caller,
  x: Exchange,
  fileId: string | undefined,
): Promise<void> {
  const related = await openRelated(x.body, x.req.headers['content-type'] ?? '').catch((error: unknown) => {
    throw error instanceof MalformedMultipart ? malformed() : error
  })
  const body = parseBodyText(related.metadata)
  const request = { fileId, body, mediaType: related.mediaType, query: x.url.searchParams }
  await receive(state, caller, x, request, x.fileContent(related.media), undefined)
}

async function receive(
  state: GoogleState,
  caller: Caller,
  x: Exchange,
  request: UploadRequest,
  source: Readable,
  length: number | undefined,
): Promise<void> {
  const { file, replaced } = prepareUpload(state, caller, request)
  requireSpace(state, caller, length ?? 0, replaced)
  const blob = newBlob(state)
  await state.blobs.write(blob, 0, source)
  // A connection that broke off leaves no file behind.
  if (x.broken || source.errored) {
    await state.blobs.delete(blob)
    throw malformed()
  }
  const content = await finishedContent(state, blob, x.rewrites(file.name))
  await answerFile(state, caller, x, await commitUpload(state, caller, request, content))
}

function malformed(): Error {
  return driveError(400, 'badContent', { message: 'Malformed multipart body.' })
}
