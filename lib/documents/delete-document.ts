import { isServiceError } from '../errors.ts'
import type { DocumentId, Owner } from '../ids.ts'
import { StorageBackend } from '../storage/storage-backend.ts'
import { connectionOf } from './choose-connection.ts'
import type { DocumentDeps } from './deps.ts'

/**
 * Deletes a document here and at the provider; also ends a transfer that is under way. What is already gone is success.
 * The provider goes first, so that a kill in between leaves a row that a repeated delete finds.
 */
export async function deleteDocument(
  deps: DocumentDeps,
  owner: Owner,
  documentId: DocumentId,
  signal: AbortSignal,
): Promise<void> {
  let row = await deps.documents.getDocument(owner, documentId)
  while (row !== undefined) {
    if (row.status !== 'stored') await deps.cancelTransfer(row)
    const key = row.objectKey
    const { connectionId } = row
    if (key !== undefined) {
      try {
        const driver = await deps.openDriver(await connectionOf(deps, owner, connectionId))
        const backend = new StorageBackend(driver)
        await deps.retry(() => backend.deleteObject(key, { signal }), signal)
      } catch (error) {
        // The user has disconnected that drive: the file stays there, the row goes.
        if (!isServiceError(error, 'connection_not_found')) throw error
      }
    }
    if (await deps.documents.deleteDocument(row)) return
    // It was changed meanwhile: look again, for the change may have brought another object.
    row = await deps.documents.getDocument(owner, documentId)
  }
}
