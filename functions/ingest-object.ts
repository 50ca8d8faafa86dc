import type { Context, SQSBatchResponse } from 'aws-lambda'
import type { Composition } from '../lib/compose/composition.ts'
import { openIntake, openIntakeDeferral } from '../lib/compose/intake.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { ingestObject } from '../lib/intake/ingest.ts'
import { handleBatch, handleMessage } from '../lib/queue/batch.ts'
import { lookAt } from '../lib/transfer/look.ts'
import { walkConnection } from '../lib/transfer/wake.ts'

/**
 * SQS hands over the intake bucket's events; what is in them goes to the users' drives. Each record succeeds
 * or comes back alone.
 */
export const handlerIn =
  (composition: Composition) =>
  async (event: unknown, context: Context): Promise<SQSBatchResponse> => {
    const deps = openIntake(composition)
    const deadline = deps.clock.now() + context.getRemainingTimeInMillis()
    return await handleBatch(event, await openIntakeDeferral(composition), (message) =>
      handleMessage(message, {
        ingest: (object, messageId) => ingestObject(deps, object, { messageId, deadline }),
        look: (key, messageId) => lookAt(deps, key, { messageId, deadline }),
        walk: (key) => walkConnection(deps, key, deadline),
      }),
    )
  }

export const handler = handlerIn(thisProcess)
