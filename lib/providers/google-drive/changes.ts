import { isServiceError, ServiceError, unlessMissing } from '../../errors.ts'
import { objectKey } from '../../ids.ts'
import type { ChangePage, Changes, Seen } from '../../storage/driver.ts'
import type { DriveApi } from './api.ts'
import { folderType } from './api.ts'
import type { DriveFile } from './wire.ts'
import { toEntry } from './wire.ts'

/**
 * The drive's list of changes, of which the app is shown those of its own files.
 * https://developers.google.com/workspace/drive/api/guides/manage-changes
 */
export function driveChanges(api: DriveApi, folderId: string | undefined): Changes {
  return {
    begin: ({ signal } = {}) => api.startPageToken(signal),
    async since(cursor, { signal } = {}) {
      const page = await api.listChanges(cursor, signal).catch(unlessLost)
      if (page === undefined) return undefined
      const { changes = [], nextPageToken, newStartPageToken } = page
      const next = nextPageToken ?? newStartPageToken
      if (next === undefined) throw new ServiceError('provider_error', 'Google Drive gave no next page.')
      return {
        changed: changes.flatMap(({ fileId, removed, file }): ChangePage['changed'] => {
          if (fileId === undefined) return []
          const seen = removed ? ({ gone: 'removed' } as const) : file && seenIn(file)
          return seen ? [{ key: objectKey(fileId), seen }] : []
        }),
        // What is in a folder goes to the trash and comes back with it, and is itself not told.
        isUnsure: changes.some(({ fileId, file }) =>
          file ? file.mimeType === folderType : fileId !== undefined && fileId === folderId,
        ),
        next,
        more: nextPageToken !== undefined,
      }
    },
    async look(key, { signal } = {}) {
      const file = await api.getFile(key, signal).catch(unlessMissing)
      return (file && seenIn(file)) ?? { gone: 'removed' }
    },
  }
}

/** Undefined for what has no content: folders, and files of Google's own editors. */
function seenIn(file: DriveFile): Seen | undefined {
  if (file.trashed) return { gone: 'trashed' }
  return file.size === undefined ? undefined : { entry: toEntry(file) }
}

/** A token that the drive does not take: an invalid parameter, or gone. */
function unlessLost(error: unknown): undefined {
  if (!isServiceError(error)) throw error
  const { providerStatus, providerCode } = error.context
  const isInvalid = providerStatus === 400 && providerCode === 'invalid'
  if (!isInvalid && providerStatus !== 404 && providerStatus !== 410) throw error
}
