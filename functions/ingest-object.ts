import type { Context, SQSBatchResponse } from 'aws-lambda'
import { openIntake, openIntakeDeferral } from '../lib/compose.ts'
import { ingestObject } from '../lib/intake/ingest.ts'
import { handleBatch, ingestMessage } from '../lib/queue/batch.ts'

/**
 * SQS hands over the intake bucket's events; what is in them goes to the users' drives. Each record succeeds
 * or comes back alone.
 */
export async function handler(event: unknown, context: Context): Promise<SQSBatchResponse> {
  const deps = await openIntake()
  const deadline = deps.clock.now() + context.getRemainingTimeInMillis()
  return await handleBatch(event, await openIntakeDeferral(), (message) =>
    ingestMessage(message, (object, messageId) => ingestObject(deps, object, { messageId, deadline })),
  )
}
