import type { DocumentRow, Leftover } from '../catalog/document.ts'
import { isServiceError } from '../errors.ts'
import type { ObjectKey } from '../ids.ts'
import { objectKey } from '../ids.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { Driver } from '../storage/driver.ts'
import type { HallDeps } from './hall.ts'
import { connectionOf } from './hall.ts'
import { announcedKey } from './intake-key.ts'

type TidyDeps = Pick<
  HallDeps,
  'clock' | 'documents' | 'connections' | 'openDriver' | 'sealer' | 'bucket' | 'removeCopy'
>

/**
 * Takes back what the row says is left: old objects, sessions, bytes in the bucket.
 * Each entry is idempotent, and one that cannot be taken back now stays in the row, so
 * that whoever looks next goes on. Never rejects: what was accepted stays accepted.
 * Answers the row without what is gone.
 */
export async function tidy<Row extends DocumentRow>(deps: TidyDeps, row: Row): Promise<Row> {
  const remove = { ...row.remove }
  for (const [id, entry] of Object.entries(row.remove ?? {})) {
    if ((entry.notBefore ?? 0) > deps.clock.now()) continue
    try {
      await takeBack(deps, row, entry)
      await deps.documents.tidied(row, id)
      delete remove[id]
    } catch (error) {
      logger.warn('Something that is left of a document could not be removed; it is tried again.', {
        documentId: row.documentId,
        kind: entry.kind,
        ...errorFields(error),
      })
    }
  }
  return row.remove ? { ...row, remove } : row
}

async function takeBack(deps: TidyDeps, row: DocumentRow, entry: Leftover): Promise<void> {
  const { kind, key, etag, connectionId } = entry
  const { userKey, documentId } = row
  if (kind === 'copy') return await deps.removeCopy(key)
  if (kind === 'source' || kind === 'keep') {
    const pin =
      etag === undefined
        ? { key: announcedKey({ userKey, documentId, connectionId, changeId: key }) }
        : { key, etag }
    await (kind === 'keep' ? deps.bucket.keep(pin.key, 'failed') : deps.bucket.remove(pin))
    return
  }
  // What lies on a drive that its user has disconnected is the user's.
  const connection = await connectionOf(deps, { userKey, connectionId })
  if (!connection) return
  const driver = await deps.openDriver(connection)
  if (kind === 'session') await driver.sessions?.cancel({ url: await deps.sealer.open(key, connectionId) })
  const made = kind === 'session' ? await madeBy(driver, row, entry) : objectKey(key)
  // An entry may be read again after its name was taken anew.
  if (made === undefined || row.objectKey === made || row.change?.target?.objectKey === made) return
  await driver.remove(made).catch(unlessMissing)
}

/**
 * What a session that was over before it could be ended has made: its size, and its hash where we know it.
 */
async function madeBy(driver: Driver, row: DocumentRow, { made }: Leftover): Promise<ObjectKey | undefined> {
  if (!made || made.target.kind === 'replace') return undefined
  const { size, hash, target } = made
  const plan = {
    userId: row.userId,
    contentType: '',
    size,
    target: {
      kind: 'new',
      file: target.file,
      ...(target.objectKey === undefined ? {} : { objectKey: target.objectKey }),
    },
  } as const
  const entry = await driver.find(plan)
  if (!entry) return undefined
  // Under a key that was reserved for it, whatever stands is its work; under a name, only its own bytes are.
  const own =
    target.objectKey !== undefined || (hash !== undefined && entry.checksums[hash.algorithm] === hash.value)
  return own ? entry.objectKey : undefined
}

function unlessMissing(error: unknown): void {
  if (!isServiceError(error, 'object_missing')) throw error
}
