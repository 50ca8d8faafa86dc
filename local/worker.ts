import { SQSClient } from '@aws-sdk/client-sqs'
import { handler as deliverWebhook } from '../functions/deliver-webhook.ts'
import { handler as eraseUsers } from '../functions/erase-users.ts'
import { handler as followDrives } from '../functions/follow-drives.ts'
import { handler as ingestObject } from '../functions/ingest-object.ts'
import { handler as keepAlive } from '../functions/keep-alive.ts'
import { handler as packGrants } from '../functions/pack-grants.ts'
import { handler as sortIntake } from '../functions/sort-intake.ts'
import { handler as sweepTransfers } from '../functions/sweep-transfers.ts'
import { startSqsPoller } from './lambda-poller.ts'
import { startSchedule } from './schedule.ts'
import { scheduled, scheduledTimeoutMs } from './scheduled.ts'
import { lambdaContext } from './gateway/invoker.ts'
import { startTellWorker } from './tell-worker.ts'

/**
 * The process that does what SQS, the change streams and the schedules do in a
 * deployment: hands intake events to `sort-intake`, what it puts into the lanes to `ingest-object`
 * and writes that carry an event to `tell`, and runs the sweeper (also at the start, to finish what a
 * killed stack had begun) and keep-alive.
 */
const minute = 60_000
const functionTimeoutMs = 15 * minute
const stop = new AbortController()

/** What went wrong is worth a line, unless the stack's end cut it off; its text may quote secrets. */
const report =
  (what: string) =>
  (error: unknown): void => {
    if (!stop.signal.aborted)
      console.error(`worker: ${what} failed: ${error instanceof Error ? error.name : 'unknown'}`)
  }

const sqsClient = new SQSClient({})
const laneWorkers = Number(process.env['LANE_WORKERS'])
const common = { sqsClient, signal: stop.signal, onError: report('the intake') }
const lane = { ...common, handler: ingestObject, batchSize: 1, concurrency: laneWorkers, functionTimeoutMs }
const polling = [
  startSqsPoller({
    ...common,
    queueUrl: process.env['ARRIVALS_QUEUE_URL'] ?? '',
    handler: sortIntake,
    batchSize: 10,
    concurrency: Math.min(2, laneWorkers),
    functionTimeoutMs: minute / 2,
    functionName: 'sort-intake',
  }),
  startSqsPoller({ ...lane, queueUrl: process.env['SHORT_QUEUE_URL'] ?? '' }),
  startSqsPoller({ ...lane, queueUrl: process.env['LONG_QUEUE_URL'] ?? '' }),
  startSqsPoller({
    ...common,
    queueUrl: process.env['WEBHOOKS_QUEUE_URL'] ?? '',
    handler: deliverWebhook,
    onError: report('a webhook'),
    batchSize: 10,
    concurrency: 4,
    functionTimeoutMs: minute / 2,
    functionName: 'deliver-webhook',
  }),
]
const telling = startTellWorker({
  stateDir: process.env['STATE_DIR'] ?? '.local/worker',
  sqsClient,
  signal: stop.signal,
  onError: report('telling events'),
})
/**
 * What a killed stack had begun is gone on with at once; later,
 * only what nothing has happened to for a while.
 */
let sweepEvent: object = { idleSeconds: 0, restarted: true }
const schedules = [
  startSchedule({
    everyMs: Number(process.env['SWEEP_EVERY_MS'] ?? minute),
    run: async () => {
      await sweepTransfers(sweepEvent, lambdaContext('sweep-transfers', scheduledTimeoutMs))
      sweepEvent = scheduled['sweep-transfers']
    },
    signal: stop.signal,
    onError: report('the sweeper'),
  }),
  startSchedule({
    everyMs: 60 * minute,
    run: () => keepAlive(scheduled['keep-alive'], lambdaContext('keep-alive', scheduledTimeoutMs)),
    signal: stop.signal,
    onError: report('the keep-alive'),
  }),
  startSchedule({
    everyMs: 60 * minute,
    run: () => packGrants(scheduled['pack-grants'], lambdaContext('pack-grants', scheduledTimeoutMs)),
    signal: stop.signal,
    onError: report('the packer'),
  }),
  startSchedule({
    // Whoever tries an erasure here does not wait five minutes for it.
    everyMs: 2_000,
    run: () => eraseUsers(scheduled['erase-users'], lambdaContext('erase-users', scheduledTimeoutMs)),
    signal: stop.signal,
    onError: report('an erasure'),
  }),
  startSchedule({
    everyMs: minute,
    run: () => followDrives(scheduled['follow-drives'], lambdaContext('follow-drives', scheduledTimeoutMs)),
    signal: stop.signal,
    onError: report('following drives'),
  }),
]

process.once('disconnect', () => process.exit(0))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
process.send?.({ ready: true })
await Promise.allSettled([...polling, telling, ...schedules])
process.exit(0)
