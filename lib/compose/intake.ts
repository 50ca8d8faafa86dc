import { required } from '../contract/env.ts'
import { chooseConnection } from '../documents/choose-connection.ts'
import type { IntakeDeps } from '../intake/ingest.ts'
import type { StartIntakeDeps } from '../intake/start-intake.ts'
import type { Deferral } from '../queue/batch.ts'
import { objectCreatedBody } from '../queue/object-created.ts'
import type { CreatedObject } from '../queue/object-created.ts'
import { takeOverTransfers } from '../transfer/old-transfers.ts'
import type { Composition } from './composition.ts'
import { enqueueOf, hallDeps } from './hall.ts'

/** For the intake's queue. */
export function openIntake(composition: Composition): IntakeDeps {
  return { ...hallDeps(composition), events: composition.events() }
}

/**
 * For the sweeper: also announces objects whose event was lost, as
 * S3 would, and takes over what version 0.1 had under way.
 */
export function openSweep(composition: Composition) {
  const enqueue = enqueueOf(composition)
  const announce = (object: CreatedObject): Promise<void> =>
    enqueue(objectCreatedBody(object, composition.clock.now()))
  const { settings, clock, outside } = composition
  const deps = hallDeps(composition)
  const now = (): number => clock.now()
  const takeOver = (deadline: number): Promise<number> =>
    takeOverTransfers(outside.dynamo(), required(settings, 'TRANSFERS_TABLE'), deps.documents, {
      now,
      deadline,
    })
  return { ...deps, announce, takeOver }
}

/** For starting an upload of any size. */
export function openStartIntake(composition: Composition): StartIntakeDeps {
  const choose = { connections: composition.connections() }
  return {
    ...hallDeps(composition),
    chooseConnection: (owner, named) => chooseConnection(choose, owner, named),
  }
}

/** How the intake's messages are put off. */
export async function openIntakeDeferral({ settings, outside }: Composition): Promise<Deferral> {
  const { sqsDeferral } = await import('../queue/deferral.ts')
  return sqsDeferral(await outside.sqs(), required(settings, 'INTAKE_QUEUE_URL'))
}
