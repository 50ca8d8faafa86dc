import type { ObjectEntry } from '../storage/driver.ts'
import { isServiceError, unlessMissing } from '../errors.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { Claimed, HallDeps } from './hall.ts'
import type { OwnDriver } from './own.ts'
import { isAnothers } from './own.ts'

/** Some sixteen seconds in all, where a drive refuses for a while. */
const mostRemovals = 6
const removalPauseMs = 250

/**
 * Takes back what a sender has made whose claim was lost, unless a document names it by now, or something
 * else has come to its place. Never rejects: the row is somebody else's, and nothing can be noted there; so
 * what passes is tried again for some seconds, but not beyond `signal`.
 */
export async function undoOwn(
  deps: Pick<HallDeps, 'documents' | 'clock'>,
  lost: Claimed,
  driver: OwnDriver,
  signal?: AbortSignal,
): Promise<void> {
  const { made } = driver
  if (made === undefined) return
  for (let tries = 1; ; tries += 1) {
    try {
      return await removeOwn(deps, lost, driver, made)
    } catch (error) {
      if (tries === mostRemovals || signal?.aborted || !isServiceError(error) || !error.retry.retryable) {
        logger.warn('What an overtaken sender has made could not be removed.', errorFields(error))
        return
      }
      await deps.clock.sleep(removalPauseMs * 2 ** tries, signal).catch(() => undefined)
    }
  }
}

async function removeOwn(
  { documents }: Pick<HallDeps, 'documents'>,
  lost: Claimed,
  driver: OwnDriver,
  made: ObjectEntry,
): Promise<void> {
  const { objectKey, etag } = made
  const row = await documents.get(lost)
  if (row?.objectKey === objectKey || row?.change?.target?.objectKey === objectKey) return
  if (await isAnothers(documents, lost, lost.change.target?.file ?? '', made)) return
  // An id is never given twice; a name may have been.
  await driver
    .remove(objectKey, driver.renaming || etag === undefined ? {} : { ifMatch: etag })
    .catch(unlessMissing)
}
