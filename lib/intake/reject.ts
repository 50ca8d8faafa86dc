import { logger } from '../telemetry/logger.ts'
import type { CreatedObject } from '../queue/object-created.ts'
import type { IntakeDeps } from './deps.ts'

export type RejectionReason = 'key_not_in_scheme' | 'connection_unknown' | 'document_elsewhere'

/** Refuses an object that belongs to nobody: it stays where it is, tagged, and an event tells of it, once unless a crash repeats it. */
export async function reject(
  deps: IntakeDeps,
  object: CreatedObject,
  reason: RejectionReason,
): Promise<void> {
  const standing = await deps.bucket.head(object.key)
  if (!standing || (await deps.bucket.keptAs(object.key)) === 'rejected') return
  logger.warn('An object of the intake bucket was rejected.', { reason })
  await deps.events.publish({
    type: 'Intake Rejected',
    detail: { bucket: object.bucket, key: object.key, reason },
  })
  await deps.bucket.keep(object.key, 'rejected')
}
