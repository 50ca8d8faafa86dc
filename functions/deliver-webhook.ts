import type { SQSBatchResponse } from 'aws-lambda'
import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { openDeliver, openDeliveryDeferral } from '../lib/compose/webhooks.ts'
import { handleBatch } from '../lib/queue/batch.ts'
import { deliver } from '../lib/webhooks/deliver.ts'

/** SQS hands over deliveries; each is sent to its endpoint, or comes back when it is due again. */
export const handlerIn =
  (composition: Composition) =>
  async (event: unknown): Promise<SQSBatchResponse> => {
    const deps = openDeliver(composition)
    return await handleBatch(event, await openDeliveryDeferral(composition), ({ body }) =>
      deliver(deps, body),
    )
  }

export const handler = handlerIn(thisProcess)
