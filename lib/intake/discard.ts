import type { TransferRow } from '../catalog/transfer.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { Backend } from '../storage/backend.ts'
import { isOwn, resumableOf } from '../transfer/uploads.ts'
import type { IntakeDeps } from './deps.ts'

/**
 * Takes back what a transfer has begun at the provider: closes its session, so that it holds no name, and removes the object
 * that it may have made under a key of its own. An object that it was replacing is left as it is.
 */
export async function discardUpload(deps: IntakeDeps, backend: Backend, row: TransferRow): Promise<void> {
  const uploads = resumableOf(backend)
  if (uploads && row.session) {
    const url = await deps.sealer.open(row.session.sealedUrl, row.connectionId)
    await uploads.cancelUpload({ url })
  }
  if (isOwn(row.target)) await backend.deleteObject(row.target.objectKey)
}

/**
 * As `discardUpload`, for a connection that may be gone, dead or being disconnected. A session closes by its URL alone, so that is tried
 * whatever the connection's status; what needs a token is left when there is none.
 */
export async function discardIfPossible(deps: IntakeDeps, row: TransferRow): Promise<void> {
  if (!row.session && !isOwn(row.target)) return
  const connection = await deps.connections.get(row, row.connectionId)
  if (connection === undefined) return
  try {
    await discardUpload(deps, await deps.openBackend(connection), row)
  } catch (error) {
    if (isServiceError(error, 'connection_requires_reauth', 'connection_not_found')) return
    // A provider's refusal is the end of it for a connection that is not to be used any more; an outage is not.
    const over = connection.status !== 'active' && error instanceof ServiceError && !error.retry.retryable
    if (!over) throw error
  }
}
