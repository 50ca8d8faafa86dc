import { isServiceError } from '../../errors.ts'
import { objectKey } from '../../ids.ts'
import { readJson } from '../../net/provider-http.ts'
import type {
  ContentSource,
  EntryBackend,
  ObjectEntry,
  ResumableUploads,
  UploadPlan,
} from '../../storage/backend.ts'
import { hexDigest, isSameContent } from '../../storage/content.ts'
import { sendWhole } from '../../storage/send-whole.ts'
import { multipartRelated } from './multipart.ts'
import type { DriveFile } from './wire.ts'
import { fileSchema, toEntry } from './wire.ts'
import type { DriveParts } from './sessions.ts'
import {
  createMetadata,
  findFile,
  inFolder,
  isIdInUse,
  mimeTypeOf,
  replaceMetadata,
  settled,
  uploadUrl,
} from './sessions.ts'

/** Content up to this size goes in one request with its metadata. https://developers.google.com/workspace/drive/api/guides/manage-uploads */
const multipartBytes = 5 * 1000 * 1000

const digests = { sha256: () => hexDigest('sha256'), md5: () => hexDigest('md5') } as const

/**
 * Puts a whole document: one request up to 5 MB, a resumable session above. The file's id is known before the first byte, so a lost
 * answer is asked after, and a repeated creation meets 409 and its own file instead of making a second one.
 */
export function drivePut(parts: DriveParts, uploads: ResumableUploads): EntryBackend['putEntry'] {
  const { http, api, rootUrl } = parts

  const send = async (
    plan: UploadPlan,
    content: ContentSource,
    metadata: Readonly<Record<string, unknown>>,
    id: string | undefined,
    signal?: AbortSignal,
  ): Promise<DriveFile> => {
    const { contentType, body } = multipartRelated(metadata, content, mimeTypeOf(plan))
    const response = await http({
      operation: id === undefined ? 'files.create' : 'files.replace',
      method: id === undefined ? 'POST' : 'PATCH',
      url: uploadUrl(rootUrl, 'multipart', id),
      headers: { 'content-type': contentType },
      body,
      signal,
    })
    return readJson(response, fileSchema)
  }

  const putSmall = async (plan: UploadPlan, content: ContentSource, id: string, signal?: AbortSignal) => {
    const replace = (): Promise<DriveFile> => send(plan, content, replaceMetadata(plan), id, signal)
    if (plan.target?.kind === 'replace') return settled(parts, await replace(), signal)
    try {
      const create = (parent: string | undefined): Promise<DriveFile> =>
        send(plan, content, createMetadata(plan, id, parent), undefined, signal)
      return await settled(parts, await inFolder(parts, create, signal), signal)
    } catch (error) {
      if (!isIdInUse(error)) throw error
      return (await findSame(content, id, signal)) ?? settled(parts, await replace(), signal)
    }
  }

  const findSame = async (
    content: ContentSource,
    id: string,
    signal?: AbortSignal,
  ): Promise<ObjectEntry | undefined> => {
    const file = await findFile(api, id, signal)
    const entry = file && toEntry(file)
    return entry && (await isSameContent(entry, content, digests)) ? entry : undefined
  }

  return async (userId, documentId, content, extension, contentType, { target, signal } = {}) => {
    const id = target?.objectKey ?? (await parts.reserve(signal))
    const plan: UploadPlan = {
      userId,
      documentId,
      extension,
      contentType,
      size: content.size,
      target: target ?? { kind: 'reserved', objectKey: objectKey(id) },
    }
    try {
      if (content.size <= multipartBytes) return await putSmall(plan, content, id, signal)
      return await sendWhole(uploads, plan, content, signal)
    } catch (error) {
      if (!isServiceError(error) || !error.retry.ambiguous || signal?.aborted) throw error
      const found = await findSame(content, id, signal).catch(() => undefined)
      if (found) return found
      throw error
    }
  }
}
