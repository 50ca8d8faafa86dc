import type { Change, Leftover, Standing } from '../catalog/document.ts'
import type { ChangePatch } from '../catalog/documents.ts'
import type { CallOptions, ObjectEntry } from '../storage/driver.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { Claimed } from './hall.ts'
import type { OwnDriver } from './own.ts'

/** Good bytes are sent so often in all when the provider stores others. */
export const mostSends = 3

/** Bytes that the provider stored wrongly. */
export interface Damage {
  /** The version before, brought back; or, where that cannot be, what stands in its place. */
  readonly standing?: Standing
  /** They stand apart, and go. */
  readonly leftovers?: readonly Leftover[]
  /** Nothing else can lie in the drive, nor come there: all that was asked of it was answered. */
  readonly isClean?: boolean
}

/**
 * What is recorded of bytes that the provider has stored and that nobody could prove: until somebody
 * does, they count as damaged. An object under a key of its own is known by that.
 */
export function unproven({ target, damaged = 0 }: Change, driver: OwnDriver | undefined): ChangePatch {
  const key = driver?.made?.objectKey
  if (key === undefined || (target?.kind === 'new' && target.objectKey !== undefined)) return {}
  return {
    target: { kind: 'replace', objectKey: key, file: target?.file ?? '' },
    damaged: Math.max(1, damaged),
  }
}

/**
 * What becomes of bytes of a change that has failed: an object of its own goes; where the provider has stored
 * them wrongly over what stood, the drive is asked for the version before.
 */
export async function damageOf(
  row: Claimed,
  driver: Pick<OwnDriver, 'history' | 'stat' | 'made' | 'mayBeMade'> | undefined,
  options: CallOptions = {},
): Promise<Damage> {
  const { standing, change } = row
  if (!driver) return {}
  const isDamaged = (change.damaged ?? 0) > 0
  const key = driver.made?.objectKey ?? (isDamaged ? change.target?.objectKey : undefined)
  if (key === undefined) return { isClean: !driver.mayBeMade }
  if (!standing || row.objectKey !== key)
    return { isClean: true, leftovers: [{ kind: 'object', connectionId: change.connectionId, key }] }
  if (!isDamaged) return {}
  // What stood was damaged as well: there is nothing to bring back.
  if (standing.verdict === 'mismatch') return {}
  const { hash, prove: _over, revision: _old, ...rest } = standing
  const isBefore = ({ size, checksums }: ObjectEntry): boolean => {
    const theirs = hash && checksums[hash.algorithm]
    return theirs === undefined ? size === standing.size : theirs === hash?.value
  }
  try {
    const { userId } = row
    const { size, contentType, revision } = standing
    const version = { userId, size, contentType, ...(revision === undefined ? {} : { revision }) }
    const back = await driver.history?.restore(key, version, isBefore, options)
    if (back) return { standing: { ...standing, ...revisionOf(back) } }
  } catch (error) {
    logger.warn('The version before could not be restored at the provider.', errorFields(error))
  }
  const now = await driver.stat(key, options).catch(() => undefined)
  const theirs = hash && now?.checksums[hash.algorithm]
  return {
    standing: {
      ...rest,
      ...(now ? { size: now.size, ...revisionOf(now) } : {}),
      ...(hash && theirs !== undefined ? { hash: { ...hash, value: theirs } } : {}),
      verdict: 'mismatch',
    },
  }
}

function revisionOf({ etag }: ObjectEntry): Pick<Standing, 'revision'> {
  return etag === undefined ? {} : { revision: etag }
}

/** The words for it, of whoever hears of the change. */
export function damageDetail({ standing }: Damage): string {
  const often = 'The drive kept storing other bytes than were sent'
  return standing?.verdict === 'mismatch'
    ? `${often}, in place of the earlier version, which it does not give back.`
    : `${often}. Nothing of them is kept${standing ? ', and the earlier version stands' : ''}.`
}
