import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type { S3Client } from '@aws-sdk/client-s3'
import { S3Client as RealS3Client } from '@aws-sdk/client-s3'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SQSClient } from '@aws-sdk/client-sqs'
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import type { Buckets } from './buckets.ts'
import type { Item } from './expressions.ts'
import { textOf } from './expressions.ts'
import type { Network } from './network.ts'
import { LostError } from './network.ts'
import type { Queue } from './queue.ts'
import type { Command, Tables } from './tables.ts'
import type { Process } from './world.ts'

/** A secret; `deleted`: it is in its recovery window. */
export interface Secret {
  readonly text: string
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
const named = (name: string): Error => Object.assign(new Error(name), { name })
const busyAs = {
  dynamo: 'ThrottlingException',
  s3: 'SlowDown',
  sqs: 'ThrottlingException',
  events: 'InternalException',
  secrets: 'InternalServiceError',
} as const

/** The clients of one process. They repeat what had no answer, as the SDK does, so a repeat meets its own work. */
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
  const s3 = Object.assign(
    signer(),
    sending('s3', (command) => aws.buckets.run(command, world.now)),
  )
  return {
    dynamo: sending('dynamo', (command) => aws.tables.run(command)) as unknown as DynamoDBDocumentClient,
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

function runSecrets(secrets: Map<string, Secret>, { constructor, input }: Command): unknown {
  const name = textOf(input['SecretId'] ?? input['Name'])
  const text = textOf(input['SecretString'])
  const token = textOf(input['ClientRequestToken'])
  const standing = secrets.get(name)
  if (constructor.name === 'CreateSecretCommand') {
    if (standing?.deleted) throw named('InvalidRequestException')
    if (standing && standing.token !== token) throw named('ResourceExistsException')
    secrets.set(name, { text, token })
    return {}
  }
  if (!standing) throw named('ResourceNotFoundException')
  if (standing.deleted && constructor.name !== 'RestoreSecretCommand') throw named('InvalidRequestException')
  switch (constructor.name) {
    case 'GetSecretValueCommand':
      return { SecretString: standing.text }
    case 'PutSecretValueCommand':
    case 'RestoreSecretCommand':
      secrets.set(name, { text: text === '' ? standing.text : text, token })
      return {}
    case 'DeleteSecretCommand':
      if (input['ForceDeleteWithoutRecovery'] === true) secrets.delete(name)
      else secrets.set(name, { ...standing, deleted: true })
      return {}
    default:
      throw new Error(`${constructor.name} is not played here.`)
  }
}
