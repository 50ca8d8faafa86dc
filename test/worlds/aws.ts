import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type { S3Client } from '@aws-sdk/client-s3'
import { S3Client as RealS3Client } from '@aws-sdk/client-s3'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SQSClient } from '@aws-sdk/client-sqs'
import { Readable } from 'node:stream'
import { awsCaller } from '../../lib/aws/caller.ts'
import type { Dynamo } from '../../lib/aws/dynamo.ts'
import type { HttpRequest, HttpResponse } from '../../lib/net/http-client.ts'
import { unreachable } from '../../lib/net/http-client.ts'
import type { Buckets } from './buckets.ts'
import type { Item } from './expressions.ts'
import { textOf } from './expressions.ts'
import type { Network } from './network.ts'
import { LostError } from './network.ts'
import type { Queue } from './queue.ts'
import type { Command, Tables } from './tables.ts'
import { askStorage } from './storage-wire.ts'
import type { Process } from './process.ts'

/** A secret; `deleted`: it is in its recovery window. */
export interface Secret {
  readonly value: string | Uint8Array
  readonly token?: string
  readonly deleted?: true
}

export interface Told {
  readonly type: string
  readonly detail: Readonly<Record<string, unknown>>
  readonly at: number
}

/** What AWS holds of one deployment. */
export interface Aws {
  readonly tables: Tables
  readonly buckets: Buckets
  /** By the end of their URLs. */
  readonly queues: Readonly<Record<'arrivals' | 'short' | 'long', Queue>>
  readonly secrets: Map<string, Secret>
  readonly told: Told[]
}

const attempts = 4
const key = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }
const named = (name: string): Error => Object.assign(new Error(name), { name })
const busyAs = {
  dynamo: 'ThrottlingException',
  s3: 'SlowDown',
  sqs: 'ThrottlingException',
  events: 'InternalException',
  secrets: 'InternalServiceError',
} as const

/** The clients of one process. They repeat what had no answer, as the SDK does. */
export function clientsOf(network: Network, aws: Aws, process: () => Process) {
  const { world } = network
  const sending = (service: keyof typeof busyAs, run: (command: Command) => unknown) => ({
    async send(command: Command, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown> {
      const caller = process()
      const label = `${service} ${command.constructor.name.replace('Command', '')}`
      for (let attempt = 1; ; attempt += 1) {
        options?.abortSignal?.throwIfAborted()
        const busy = network.happens(caller, 'awsBusy')
        try {
          return await network.call(caller, `${label} ${subjectOf(command)}`, () => {
            if (busy) throw named(busyAs[service])
            return run(command)
          })
        } catch (error) {
          const isPassing = error instanceof LostError || (busy && error instanceof Error)
          if (!isPassing || attempt === attempts) throw error
          await world.clockOf(process).sleep(100 * 2 ** attempt)
        }
      }
    },
  })
  const caller = awsCaller({
    settings: { ...key, AWS_ENDPOINT_URL_S3: 'https://s3.example' },
    clock: world.clockOf(process),
    random: () => process().chance(),
    send: sendToBuckets(network, aws, process),
    bucketsByPath: true,
  })
  const s3 = Object.assign(
    signer(),
    sending('s3', (command) => aws.buckets.run(command, world.now)),
  )
  return {
    caller,
    dynamo: sending('dynamo', (command) => aws.tables.run(command)) as unknown as Dynamo,
    s3: s3 as unknown as S3Client,
    sqs: sending('sqs', (command) => queueOf(aws, command).run(command)) as unknown as SQSClient,
    secrets: sending('secrets', (command) =>
      runSecrets(aws.secrets, command),
    ) as unknown as SecretsManagerClient,
    events: sending('events', (command) =>
      putEvents(network, aws.told, command),
    ) as unknown as EventBridgeClient,
  }
}

function subjectOf({ input }: Command): string {
  const key = (input['Key'] ?? input['Item']) as Item | string | undefined
  if (typeof key === 'string') return key
  return [input.TableName, key?.['userKey'], key?.['documentId'] ?? key?.['connectionId']]
    .map(textOf)
    .join(' ')
    .trim()
}

let made: S3Client | undefined
/** Presigning needs a client's settings, and makes no call: one serves all. */
function signer(): Pick<S3Client, 'config' | 'middlewareStack'> {
  made ??= new RealS3Client({
    region: 'us-east-1',
    endpoint: 'http://s3.localhost',
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const { config, middlewareStack } = made
  return { config, middlewareStack }
}

/** What the calls that every document takes are sent by. */
function sendToBuckets(network: Network, { buckets }: Aws, process: () => Process) {
  return async ({ method, url, headers = {}, body, signal }: HttpRequest): Promise<HttpResponse> => {
    signal?.throwIfAborted()
    const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.alloc(0)
    const isBusy = network.happens(process(), 'awsBusy')
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    )
    try {
      const answer = await network.call(process(), `s3 ${method} ${new URL(url).pathname}`, async () =>
        isBusy
          ? { status: 503, headers: {}, body: Buffer.from('<Error><Code>SlowDown</Code></Error>') }
          : await askStorage(buckets, { method, url, headers: lower, body: bytes }, network.world.now),
      )
      signal?.throwIfAborted()
      const stream = Readable.from(answer.body.length === 0 ? [] : [answer.body], { objectMode: false })
      return { status: answer.status, headers: answer.headers, body: stream }
    } catch (error) {
      throw error instanceof LostError ? unreachable('No answer came.', true, error) : error
    }
  }
}

function queueOf({ queues }: Aws, { input }: Command): Queue {
  const name = textOf(input['QueueUrl']).split('/').at(-1)
  return name === 'short' || name === 'long' ? queues[name] : queues.arrivals
}

function putEvents(network: Network, told: Told[], { input }: Command): unknown {
  const entries = input['Entries'] as readonly { readonly DetailType: string; readonly Detail: string }[]
  const refuse = network.weather.busRefuses
  const dice = network.world.dice(`bus ${String(told.length)} ${String(network.world.now)}`)
  return {
    Entries: entries.map(({ DetailType: type, Detail }) => {
      if (refuse > 0 && dice() < refuse) return { ErrorCode: 'ThrottlingException' }
      told.push({ type, detail: JSON.parse(Detail) as Told['detail'], at: network.world.now })
      return { EventId: String(told.length) }
    }),
  }
}

/** Does what one call of Secrets Manager asks. */
export function runSecrets(secrets: Map<string, Secret>, { constructor, input }: Command): unknown {
  const name = textOf(input['SecretId'] ?? input['Name'])
  const value = (input['SecretBinary'] ?? input['SecretString']) as string | Uint8Array | undefined
  const token = textOf(input['ClientRequestToken'])
  const standing = secrets.get(name)
  if (constructor.name === 'CreateSecretCommand') {
    if (standing?.deleted) throw named('InvalidRequestException')
    if (standing && standing.token !== token) throw named('ResourceExistsException')
    secrets.set(name, { value: value ?? '', token })
    return {}
  }
  if (!standing) throw named('ResourceNotFoundException')
  if (standing.deleted && constructor.name !== 'RestoreSecretCommand') throw named('InvalidRequestException')
  switch (constructor.name) {
    case 'GetSecretValueCommand':
      return typeof standing.value === 'string'
        ? { SecretString: standing.value }
        : { SecretBinary: standing.value }
    case 'PutSecretValueCommand':
    case 'RestoreSecretCommand':
      secrets.set(name, { value: value ?? standing.value, token })
      return {}
    case 'DeleteSecretCommand':
      if (input['ForceDeleteWithoutRecovery'] === true) secrets.delete(name)
      else secrets.set(name, { ...standing, deleted: true })
      return {}
    default:
      throw new Error(`${constructor.name} is not played here.`)
  }
}
