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

export interface Told {
  readonly type: string
  readonly detail: Readonly<Record<string, unknown>>
  readonly at: number
}

/** What AWS holds of one deployment. */
export interface Aws {
  readonly tables: Tables
  readonly buckets: Buckets
  readonly queue: Queue
  readonly secrets: Map<string, string>
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
    sqs: sending('sqs', (command) => aws.queue.run(command)) as unknown as SQSClient,
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

function runSecrets(secrets: Map<string, string>, { constructor, input }: Command): unknown {
  const name = String(input['SecretId'] ?? input['Name'])
  const isThere = secrets.has(name)
  switch (constructor.name) {
    case 'GetSecretValueCommand':
      if (!isThere) throw named('ResourceNotFoundException')
      return { SecretString: secrets.get(name) }
    case 'PutSecretValueCommand':
      if (!isThere) throw named('ResourceNotFoundException')
      secrets.set(name, String(input['SecretString']))
      return {}
    case 'CreateSecretCommand':
      if (isThere) throw named('ResourceExistsException')
      secrets.set(name, String(input['SecretString']))
      return {}
    case 'DeleteSecretCommand':
      if (!secrets.delete(name)) throw named('ResourceNotFoundException')
      return {}
    default:
      throw new Error(`${constructor.name} is not played here.`)
  }
}
