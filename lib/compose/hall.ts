import { required } from '../contract/env.ts'
import type { Enqueue } from '../intake/enqueue.ts'
import { sqsEnqueue } from '../intake/enqueue.ts'
import { rowMessage } from '../queue/row-message.ts'
import { intakeBucket } from '../transfer/bucket.ts'
import type { HallDeps } from '../transfer/hall.ts'
import { defaultHallSettings } from '../transfer/hall.ts'
import type { Composition } from './composition.ts'

/**
 * What every door into the drive works with. S3 and SQS are loaded
 * when something is asked of them, which most requests never do.
 */
export function hallDeps(composition: Composition): HallDeps {
  const { settings, clock, outside } = composition
  const enqueue = enqueueOf(composition)
  return {
    clock,
    documents: composition.documents(),
    connections: composition.connections(),
    openDriver: composition.openDriver,
    sealer: composition.sealer(),
    bucket: intakeBucket(outside.s3, settings['INTAKE_BUCKET'] ?? '', () => outside.clock.now()),
    async removeCopy(key) {
      const { stagingBucket } = await import('../documents/staging.ts')
      await stagingBucket(await outside.s3(), required(settings, 'STAGING_BUCKET')).remove(key)
    },
    enqueue: (key, delaySeconds) => enqueue(rowMessage(key), delaySeconds),
    random: outside.random,
    newId: outside.newId,
    startHash: composition.startHash,
    openTurns: outside.openTurns,
    settings: defaultHallSettings,
  }
}

export function enqueueOf({ settings, outside }: Composition): Enqueue {
  return sqsEnqueue(outside.sqs, () => required(settings, 'INTAKE_QUEUE_URL'))
}
