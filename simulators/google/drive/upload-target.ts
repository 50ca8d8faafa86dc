import type { Content, DriveFile, GoogleState } from '../state.ts'
import type { Caller } from './access.ts'
import { dropBlob, insertFile, replaceFile, requireSpace } from './content.ts'
import { changedFile, ownFile } from './files.ts'
import type { FileBody } from './metadata.ts'
import { newFile } from './metadata.ts'
import { supersede } from './past-revisions.ts'
import { isNative } from './resource.ts'

/** What an upload is for. */
export interface UploadRequest {
  /** the file whose content is replaced; undefined to create one */
  fileId: string | undefined
  body: FileBody
  mediaType: string | undefined
  query: URLSearchParams
}

/** A checked upload: every rule about the metadata holds, only the bytes are missing. */
export interface UploadTarget {
  file: DriveFile
  /** the bytes that the new content takes the place of */
  replaced: number
}

/** Checks the metadata against the present state: visibility, parent, id in use. Nothing is stored. */
export function prepareUpload(state: GoogleState, caller: Caller, request: UploadRequest): UploadTarget {
  const { fileId, body, mediaType, query } = request
  if (fileId === undefined) return { file: newFile(state, caller, body, mediaType), replaced: 0 }
  const before = ownFile(state, caller, fileId)
  const typed =
    body.mimeType || !mediaType || mediaType === 'application/octet-stream'
      ? body
      : { ...body, mimeType: mediaType }
  return {
    file: changedFile(state, caller, before, typed, query),
    replaced: before.content?.keepForever === true ? 0 : (before.content?.size ?? 0),
  }
}

/**
 * Makes the uploaded bytes a file, or the new content of one. The metadata is checked once more,
 * because a session may be finished long after it was opened. When it is refused, the bytes are gone.
 * @param along runs in the same transaction
 */
export async function commitUpload(
  state: GoogleState,
  caller: Caller,
  request: UploadRequest,
  content: Content,
  along?: (file: DriveFile) => void,
): Promise<DriveFile> {
  try {
    const { stored, purged } = state.store.transaction(() => {
      const { file, replaced } = prepareUpload(state, caller, request)
      requireSpace(state, caller, content.size, replaced)
      const purged = request.fileId === undefined ? [] : supersede(state, request.fileId)
      const kept = request.query.get('keepRevisionForever') === 'true' ? { keepForever: true } : {}
      // An upload into a Docs-editor type is a conversion; the simulator keeps the document, without content.
      const full: DriveFile = isNative(file.mimeType) ? file : { ...file, content: { ...content, ...kept } }
      const result = request.fileId === undefined ? insertFile(state, full) : replaceFile(state, full)
      along?.(result)
      return { stored: result, purged }
    })
    for (const blob of purged) await dropBlob(state, blob)
    return stored
  } catch (error) {
    await dropBlob(state, content.blob)
    throw error
  }
}
