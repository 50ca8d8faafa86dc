import { required } from '../contract/env.ts'
import type { EnvironmentName } from '../contract/env.ts'
import type { Enqueue } from '../intake/enqueue.ts'
import { enqueueOne, sqsEnqueue } from '../intake/enqueue.ts'
import { rowMessage } from '../queue/row-message.ts'
import type { IntakeBucket } from '../transfer/bucket.ts'
import { intakeBucket } from '../transfer/bucket.ts'
import type { HallDeps } from '../transfer/hall.ts'
import { defaultHallSettings } from '../transfer/hall.ts'
import type { Composition } from './composition.ts'
import { lazily, onceAsync } from './once.ts'

/**
 * What every door into the drive works with, made when it is asked for: no door has the rights, nor the
 * settings, for all of it. S3 and SQS are loaded when something is asked of them, which most never do.
 */
export function hallDeps(composition: Composition): HallDeps {
  const { settings, outside } = composition
  const short = queueOf(composition, 'SHORT_QUEUE_URL')
  return lazily<HallDeps>({
    clock: () => composition.clock,
    documents: () => composition.documents,
    connections: () => composition.connections,
    readBoth: () => composition.readBoth,
    openDriver: () => composition.openDriver,
    sealer: () => composition.sealer,
    bucket: () => bucketOf(composition),
    enqueue:
      () =>
      (key, delaySeconds = 0) =>
        enqueueOne(short, { body: rowMessage(key), group: key.userKey, delaySeconds }),
    random: () => outside.random,
    newId: () => outside.newId,
    startHash: () => composition.startHash,
    openTurns: () => outside.openTurns,
    settings: () => ({ ...defaultHallSettings, driveNames: settings['DRIVE_NAMES'] === 'true' }),
  })
}

function bucketOf({ settings, clock, outside }: Composition): IntakeBucket {
  const name = settings['INTAKE_BUCKET'] ?? ''
  const rare = onceAsync(async () => {
    const { rareCalls } = await import('../transfer/bucket-sdk.ts')
    return rareCalls(await outside.s3(), name, () => clock.now())
  })
  const parts = onceAsync(async () => {
    const { partCalls } = await import('../transfer/bucket-parts.ts')
    return partCalls(await outside.s3(), name, () => clock.now())
  })
  return intakeBucket(outside.aws(), name, outside.feed, rare, parts)
}

export function queueOf({ settings, outside }: Composition, name: EnvironmentName): Enqueue {
  return sqsEnqueue(outside.sqs, () => required(settings, name))
}
