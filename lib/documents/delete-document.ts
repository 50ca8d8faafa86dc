import type { DocumentRow } from '../catalog/document.ts'
import type { DocumentId, Extension, ObjectKey, UserId, UserKey } from '../ids.ts'
import type { ObjectEntry } from '../storage/driver.ts'
import type { Accepted } from '../transfer/accept.ts'
import { acceptChange } from '../transfer/accept.ts'
import { finishDelete } from '../transfer/delete.ts'
import { ClaimLost, connectionOf, knowing } from '../transfer/hall.ts'
import { settleUndone } from '../transfer/settle.ts'
import type { Conditions } from '../transfer/conditions.ts'
import { checkConditions } from '../transfer/conditions.ts'
import type { DocumentDeps } from './deps.ts'

const waitMs = 20_000

/**
 * Deletes a document here and at the provider; also ends an upload that is under way. What is already gone
 * is success. A drive that does not let go now leaves all as it was, and its error goes to the caller.
 */
export async function deleteDocument(
  given: DocumentDeps,
  request: Conditions & {
    readonly userId: UserId
    readonly userKey: UserKey
    readonly documentId: DocumentId
    /** Past the drive's trash. */
    readonly permanent?: boolean | undefined
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { userId, userKey, documentId, signal } = request
  const known = await given.readBoth({ userKey, documentId })
  const deps = knowing(given, known.connection)
  const accepted = await acceptChange(
    deps,
    { userKey, documentId, userId },
    async (seen) => {
      await checkConditions(request, seen, async (key) => await statIn(deps, seen, key, signal))
      if (!seen) throw new Gone()
      const { connectionId, provider, standing, change } = seen
      const { contentType = '', extension = '' as Extension } = standing ?? change ?? {}
      const until = deps.clock.now() + deps.settings.requestMs
      const connection = { connectionId, provider }
      return {
        door: 'delete',
        state: 'sending',
        single: true,
        permanent: request.permanent || undefined,
        connection,
        size: 0,
        contentType,
        extension,
        until,
      }
    },
    { waitMs, first: known, signal },
  ).catch(unlessGone)
  if (!accepted) return
  const { row } = accepted
  try {
    await finishDelete(deps, row, signal)
  } catch (error) {
    if (error instanceof ClaimLost) return
    await settleUndone(deps, row).catch(() => undefined)
    throw error
  }
}

/** What lies on a drive that its user has disconnected is not asked after. */
async function statIn(
  deps: DocumentDeps,
  seen: DocumentRow | undefined,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<ObjectEntry | undefined> {
  const connection = seen && (await connectionOf(deps, seen))
  if (!connection) return undefined
  const driver = await deps.openDriver(connection)
  return await deps.retry(() => driver.stat(key, { signal }), signal)
}

/** There is nothing to delete. */
class Gone extends Error {}

function unlessGone(error: unknown): Accepted | undefined {
  if (error instanceof Gone) return undefined
  throw error
}
