import type { Leftover } from '../catalog/document.ts'
import { isServiceError } from '../errors.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { ClaimLost, connectionOf } from './hall.ts'
import { keptOf, leftoversOf } from './settle.ts'
import { tidy } from './tidy.ts'

/**
 * The rest of a delete whose change owns the row: object, what was pushed aside,
 * and then the row, whose removal is the event. Already gone is right. A file
 * that the drive will never let go stays named in the row until it is gone.
 */
export async function finishDelete(deps: HallDeps, row: Claimed, signal?: AbortSignal): Promise<void> {
  const kept = await removeStanding(deps, row, signal)
  const left = [...kept, ...(row.aside ? leftoversOf(row.aside, deps.clock.now()) : []), ...keptOf(row)]
  const entries = Object.keys(row.remove ?? {}).length
  if (left.length === 0 && entries === 0) {
    if (!(await deps.documents.drop(row))) throw new ClaimLost()
    return
  }
  const settled = await deps.documents.settle(row, {
    changes: {
      standing: undefined,
      objectKey: undefined,
      change: undefined,
      aside: undefined,
      last: undefined,
    },
    leftovers: left,
    event: { id: row.change.id, type: 'Document Deleted' },
  })
  if (!settled) throw new ClaimLost()
  await tidy(deps, settled)
}

async function removeStanding(
  deps: HallDeps,
  row: Claimed,
  signal: AbortSignal | undefined,
): Promise<Leftover[]> {
  const { objectKey: key, connectionId } = row
  if (key === undefined || !row.standing) return []
  // What lies on a drive that its user has disconnected stays there.
  const connection = await connectionOf(deps, row)
  if (!connection) return []
  try {
    const driver = await deps.openDriver(connection)
    const { permanent } = row.change
    await driver.remove(key, { permanent, ...(signal ? { signal } : {}) })
    return []
  } catch (error) {
    if (isServiceError(error, 'object_missing')) return []
    // The user may not delete what others have put under rules; nobody can but them.
    if (
      isServiceError(error, 'provider_error') &&
      error.context.providerCode === 'insufficientFilePermissions'
    )
      return [{ kind: 'object', connectionId, key }]
    throw error
  }
}
