import { walker } from '../catalog/walks.ts'
import { required } from '../contract/env.ts'
import { chooseConnection } from '../documents/choose-connection.ts'
import { enqueueOne } from '../intake/enqueue.ts'
import type { IntakeDeps } from '../intake/ingest.ts'
import type { SortDeps } from '../intake/sort.ts'
import type { StartIntakeDeps } from '../intake/start-intake.ts'
import type { Deferral } from '../queue/batch.ts'
import { objectCreatedBody } from '../queue/object-created.ts'
import type { CreatedObject } from '../queue/object-created.ts'
import { takeOverTransfers } from '../transfer/old-transfers.ts'
import type { Composition } from './composition.ts'
import { hallDeps, queueOf } from './hall.ts'

/** For the intake's queue. */
export function openIntake(composition: Composition): IntakeDeps {
  return { ...hallDeps(composition), events: composition.events }
}

/** For what arrives in the bucket. Opened once: it remembers whom it has just given places. */
export function openSort(composition: Composition): () => SortDeps {
  const given: SortDeps['given'] = new Map()
  return () => ({
    clock: composition.clock,
    documents: composition.documents,
    lanes: {
      short: queueOf(composition, 'SHORT_QUEUE_URL'),
      long: queueOf(composition, 'LONG_QUEUE_URL'),
    },
    workers: Number(required(composition.settings, 'LANE_WORKERS')),
    given,
  })
}

/**
 * For the sweeper: also announces objects whose event was lost, as
 * S3 would, and takes over what version 0.1 had under way.
 */
export function openSweep(composition: Composition) {
  const arrivals = queueOf(composition, 'ARRIVALS_QUEUE_URL')
  const announce = (object: CreatedObject): Promise<void> =>
    enqueueOne(arrivals, { body: objectCreatedBody(object, composition.clock.now()) })
  const { settings, clock, outside } = composition
  const deps = hallDeps(composition)
  const now = (): number => clock.now()
  const takeOver = (deadline: number): Promise<number> =>
    takeOverTransfers(outside.dynamo(), required(settings, 'TRANSFERS_TABLE'), deps.documents, {
      now,
      deadline,
    })
  const walkOn = walker(outside.dynamo(), required(settings, 'AUTHORIZATIONS_TABLE'), now)
  return { ...deps, announce, takeOver, walkOn }
}

/** For starting an upload of any size. */
export function openStartIntake(composition: Composition): StartIntakeDeps {
  const choose = { connections: composition.connections }
  return {
    ...hallDeps(composition),
    chooseConnection: (owner, named, read) => chooseConnection(choose, owner, named, read),
  }
}

/** How the intake's messages are put off. */
export async function openIntakeDeferral({ settings, outside }: Composition): Promise<Deferral> {
  const { sqsDeferral } = await import('../queue/deferral.ts')
  return sqsDeferral(await outside.sqs(), [
    required(settings, 'SHORT_QUEUE_URL'),
    required(settings, 'LONG_QUEUE_URL'),
  ])
}
