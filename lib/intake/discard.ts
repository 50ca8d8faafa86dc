import type { TransferRow } from '../catalog/transfer.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { ObjectKey } from '../ids.ts'
import type { Driver } from '../storage/driver.ts'
import { StorageBackend } from '../storage/storage-backend.ts'
import { planOf } from '../transfer/place.ts'
import type { IntakeDeps } from './deps.ts'

/**
 * Takes back what a transfer has begun at the provider: closes its session, so that it holds no name, and removes the new object that
 * it may have made. An object that it was replacing is left as it is.
 */
export async function discardUpload(deps: IntakeDeps, driver: Driver, row: TransferRow): Promise<void> {
  if (driver.sessions && row.session) {
    const url = await deps.sealer.open(row.session.sealedUrl, row.connectionId)
    await driver.sessions.cancel({ url })
  }
  const made = await madeBy(driver, row)
  if (made !== undefined) await new StorageBackend(driver).deleteObject(made)
}

/** The new object of a transfer: under its key, or under the name that was free when its session was opened. */
async function madeBy(driver: Driver, row: TransferRow): Promise<ObjectKey | undefined> {
  const { target, source, uploaded } = row
  if (target?.kind !== 'new') return undefined
  if (target.objectKey !== undefined) return target.objectKey
  const size = source?.size ?? 0
  const entry = uploaded ?? (await driver.find(planOf(row, size, target)))
  return entry && (uploaded !== undefined || entry.size === size) ? entry.objectKey : undefined
}

/**
 * As `discardUpload`, for a connection that may be gone, dead or being disconnected. A session closes by its URL alone, so that is tried
 * whatever the connection's status; what needs a token is left when there is none.
 */
export async function discardIfPossible(deps: IntakeDeps, row: TransferRow): Promise<void> {
  if (!row.session && row.target?.kind !== 'new') return
  const connection = await deps.connections.get(row, row.connectionId)
  if (connection === undefined) return
  try {
    await discardUpload(deps, await deps.openDriver(connection), row)
  } catch (error) {
    if (isServiceError(error, 'connection_requires_reauth', 'connection_not_found')) return
    // A provider's refusal is the end of it for a connection that is not to be used any more; an outage is not.
    const over = connection.status !== 'active' && error instanceof ServiceError && !error.retry.retryable
    if (!over) throw error
  }
}
