import { required } from '../contract/env.ts'
import { chooseConnection } from '../documents/choose-connection.ts'
import type { IntakeDeps, StartIntakeDeps } from '../intake/deps.ts'
import type { Deferral } from '../queue/batch.ts'
import type { Composition } from './composition.ts'

/** For the intake's queue and its sweeper. */
export function openIntake(composition: Composition): Promise<IntakeDeps> {
  return composition.intake()
}

/** For starting an upload of any size. */
export async function openStartIntake(composition: Composition): Promise<StartIntakeDeps> {
  const choose = { connections: composition.connections() }
  return {
    ...(await composition.intake()),
    chooseConnection: (owner, named) => chooseConnection(choose, owner, named),
  }
}

/** How the intake's messages are put off. */
export async function openIntakeDeferral({ settings, outside }: Composition): Promise<Deferral> {
  const { sqsDeferral } = await import('../queue/deferral.ts')
  return sqsDeferral(await outside.sqs(), required(settings, 'INTAKE_QUEUE_URL'))
}
