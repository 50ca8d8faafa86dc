import type { S3Client } from '@aws-sdk/client-s3'
import type { Connection } from '../catalog/connections.ts'
import type { PresignedUpload } from '../catalog/transfer.ts'
import { openTransfers } from '../catalog/transfers.ts'
import { systemClock } from '../clock.ts'
import { sqsEnqueue } from '../intake/enqueue.ts'
import { intakeBucket } from '../intake/bucket.ts'
import { cancelTransfer, type Cancelled } from '../intake/cancel.ts'
import { cancelTransfersOf } from '../intake/cancel-of-connection.ts'
import type { IntakeDeps } from '../intake/deps.ts'
import { defaultIntakeSettings } from '../intake/deps.ts'
import { awaitPresigned } from '../intake/presigned.ts'
import { wakeParked } from '../intake/wake.ts'
import { openTurns } from '../transfer/body.ts'
import { openBackend } from './backends.ts'
import { connections, documents, dynamo } from './catalog.ts'
import { events, sealer, startHash } from './credentials.ts'
import { once, onceAsync, optional, required } from './settings.ts'

/** An AWS S3 client for our own buckets; the s3 provider has its own, which may be another server's. */
export const bucketClient = onceAsync(async (): Promise<S3Client> => {
  const { S3Client: Client } = await import('@aws-sdk/client-s3')
  return new Client({
    maxAttempts: 4,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    forcePathStyle: optional('GOOGLE_ENDPOINT') !== undefined,
  })
})

export const queueClient = onceAsync(async () => {
  const { SQSClient } = await import('@aws-sdk/client-sqs')
  return new SQSClient({ maxAttempts: 4 })
})

export const transfers = once(() => openTransfers(dynamo(), required('TRANSFERS_TABLE')))

/** What the intake's use cases work with. */
export const intakeDeps = onceAsync(async (): Promise<IntakeDeps> => {
  const [s3, sqs] = await Promise.all([bucketClient(), queueClient()])
  const now = (): number => systemClock.now()
  return {
    clock: systemClock,
    documents: documents(),
    transfers: transfers(),
    connections: connections(),
    openBackend,
    sealer: sealer(),
    bucket: intakeBucket(s3, required('INTAKE_BUCKET')),
    enqueue: (object, delaySeconds) =>
      sqsEnqueue(sqs, required('INTAKE_QUEUE_URL'), now)(object, delaySeconds),
    events: events(),
    random: Math.random,
    startHash,
    openTurns,
    settings: defaultIntakeSettings,
  }
})

/** Ends what is under way for one document. */
export async function endTransfer(document: Cancelled): Promise<void> {
  await cancelTransfer(await intakeDeps(), document)
}

/** Records that a presigned upload may come. */
export async function awaitUpload(upload: PresignedUpload): Promise<void> {
  await awaitPresigned(await intakeDeps(), upload)
}

/** Ends whatever is under way on a connection that is being given up. */
export async function endTransfers(connection: Connection): Promise<void> {
  await cancelTransfersOf(await intakeDeps(), connection)
}

/** Brings back to life what waited for this connection. */
export async function wakeDocuments(connection: Connection): Promise<void> {
  await wakeParked(await intakeDeps(), connection)
}
