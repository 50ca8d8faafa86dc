import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

const base = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }

/** A directory that is gone after the test. */
export const temporaryDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'driveway-aws-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export const closeAfterTest = <Server extends { close(): Promise<void> }>(server: Server): Server => {
  onTestFinished(() => server.close())
  return server
}

const destroyAfterTest = <Client extends { destroy(): void }>(client: Client): Client => {
  onTestFinished(() => client.destroy())
  return client
}

/** The client as the product configures it. */
export const s3Client = (endpoint: string): S3Client =>
  destroyAfterTest(
    new S3Client({ ...base, endpoint, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' }),
  )

/** The client with the SDK's own defaults for checksums. */
export const defaultS3Client = (endpoint: string): S3Client =>
  destroyAfterTest(new S3Client({ ...base, endpoint, forcePathStyle: true }))

export const sqsClient = (endpoint: string): SQSClient =>
  destroyAfterTest(new SQSClient({ ...base, endpoint }))
export const dynamoDbClient = (endpoint: string): DynamoDBClient =>
  destroyAfterTest(new DynamoDBClient({ ...base, endpoint, maxAttempts: 1 }))
export const streamsClient = (endpoint: string): DynamoDBStreamsClient =>
  destroyAfterTest(new DynamoDBStreamsClient({ ...base, endpoint, maxAttempts: 1 }))
export const secretsClient = (endpoint: string): SecretsManagerClient =>
  destroyAfterTest(new SecretsManagerClient({ ...base, endpoint, maxAttempts: 1 }))
export const eventsClient = (endpoint: string): EventBridgeClient =>
  destroyAfterTest(new EventBridgeClient({ ...base, endpoint, maxAttempts: 1 }))

/** Waits until `condition` gives something; the test's own time limit ends a wait in vain. */
export const eventually = async <Value>(
  condition: () => Promise<Value | undefined> | Value | undefined,
): Promise<Value> => {
  for (;;) {
    const value = await condition()
    if (value !== undefined) return value
    await pause(5)
  }
}

/**
 * Below the range that outgoing connections take their ports from:
 * what is free now is still free in a moment.
 */
const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return port
    } catch {
      continue
    } finally {
      server.close()
    }
  }
}

export interface StackProcess {
  readonly child: ChildProcess
  /** Resolves with the exit status, or the signal that ended it. */
  readonly ended: Promise<number | string | null>
  stderr(): string
}

const mainFile = new URL('../main.ts', import.meta.url)

/** Forks the stack as `npm start` does; it is gone after the test. */
export const forkStack = (stateDir: string, ports: Readonly<Record<string, number>>): StackProcess => {
  const texts = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]))
  const child = fork(mainFile, [], {
    env: { PATH: process.env['PATH'] ?? '', STATE_DIR: stateDir, ...texts },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    execArgv: [],
  })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const stderrEnded = child.stderr ? once(child.stderr, 'close') : Promise.resolve()
  const ended = Promise.all([once(child, 'exit'), stderrEnded]).then(() => child.signalCode ?? child.exitCode)
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  return { child, ended, stderr: () => stderr }
}

/** As `forkStack`, and waits until it says that it is ready. */
export const readyStack = async (
  stateDir: string,
  ports: Readonly<Record<string, number>>,
): Promise<StackProcess> => {
  const stack = forkStack(stateDir, ports)
  const outcome = await Promise.race([once(stack.child, 'message').then(([message]) => message), stack.ended])
  if (typeof outcome !== 'object' || outcome === null) throw new Error(`the stack ended: ${stack.stderr()}`)
  return stack
}

export const freePorts = async (): Promise<
  Record<'S3_PORT' | 'DYNAMODB_PORT' | 'SQS_PORT' | 'SECRETS_PORT', number>
> => {
  const [s3, dynamoDb, sqs, secrets] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  return { S3_PORT: s3, DYNAMODB_PORT: dynamoDb, SQS_PORT: sqs, SECRETS_PORT: secrets }
}
