import type { Connection } from '../catalog/connections.ts'
import { openTransfers } from '../catalog/transfers.ts'
import { required } from '../contract/env.ts'
import { intakeBucket } from '../intake/bucket.ts'
import type { IntakeDeps } from '../intake/deps.ts'
import { defaultIntakeSettings } from '../intake/deps.ts'
import type { Enqueue } from '../intake/enqueue.ts'
import { sqsEnqueue } from '../intake/enqueue.ts'
import { wakeParked } from '../intake/wake.ts'
import type { Composition } from './composition.ts'

/** What the intake's use cases work with. */
export async function intakeDeps(composition: Composition): Promise<IntakeDeps> {
  const { settings, clock, outside } = composition
  return {
    clock,
    documents: composition.documents(),
    transfers: openTransfers(outside.dynamo(), required(settings, 'TRANSFERS_TABLE'), outside.newId),
    connections: composition.connections(),
    openDriver: composition.openDriver,
    sealer: composition.sealer(),
    bucket: intakeBucket(await outside.s3(), required(settings, 'INTAKE_BUCKET')),
    enqueue: enqueueOf(composition),
    events: composition.events(),
    random: outside.random,
    newId: outside.newId,
    startHash: composition.startHash,
    openTurns: outside.openTurns,
    settings: defaultIntakeSettings,
  }
}

/** Not every function of the intake is given the queue; one that sends anyway fails loudly. */
function enqueueOf({ settings, clock, outside }: Composition): Enqueue {
  return async (object, delaySeconds) => {
    const send = sqsEnqueue(await outside.sqs(), required(settings, 'INTAKE_QUEUE_URL'), () => clock.now())
    await send(object, delaySeconds)
  }
}

/** Brings back to life what waited for this connection. */
export async function wakeDocuments(composition: Composition, connection: Connection): Promise<void> {
  const bucket = { name: required(composition.settings, 'INTAKE_BUCKET') }
  await wakeParked(
    { documents: composition.documents(), enqueue: enqueueOf(composition), bucket },
    connection,
  )
}
