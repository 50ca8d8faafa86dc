/**
 * The worker that tells events, in a process of its own, to be killed.
 * Its environment is that of the local stack.
 */
import { SQSClient } from '@aws-sdk/client-sqs'
import { startTellWorker } from '../../../local/tell-worker.ts'

process.once('disconnect', () => process.exit(0))
process.send?.('started')
await startTellWorker({
  stateDir: process.argv[2] ?? '',
  sqsClient: new SQSClient({}),
  signal: new AbortController().signal,
  onError: () => undefined,
})
