import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type { S3Client } from '@aws-sdk/client-s3'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SQSClient } from '@aws-sdk/client-sqs'
import type { AwsCaller } from '../aws/caller.ts'
import { awsCaller } from '../aws/caller.ts'
import type { Dynamo } from '../aws/dynamo.ts'
import { dynamoOf } from '../aws/dynamo.ts'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { NewId } from '../ids.ts'
import { randomId } from '../ids.ts'
import type { OpenFeed } from '../net/feed.ts'
import { openFeed } from '../net/feed.ts'
import type { SendRequest } from '../net/http-client.ts'
import { sendRequest } from '../net/http-client.ts'
import type { Settings } from '../providers/about.ts'
import type { OpenTurns } from '../transfer/body.ts'
import { openTurns } from '../transfer/body.ts'
import type { StartHash } from '../transfer/hash.ts'
import { startCommonHash } from '../transfer/hash.ts'
import { once, onceAsync } from './once.ts'

/** What a process reaches beyond its own memory. Clients are made on first use; only `send` is called. */
export interface Outside {
  readonly clock: Clock
  /** From 0 to below 1. */
  readonly random: () => number
  readonly newId: NewId
  /** Calls to AWS that every document takes. */
  readonly aws: () => AwsCaller
  readonly dynamo: () => Dynamo
  /** For this deployment's own buckets; a provider that speaks S3 has a client of its own. */
  readonly s3: () => Promise<S3Client>
  readonly sqs: () => Promise<SQSClient>
  readonly secrets: () => Promise<SecretsManagerClient>
  readonly events: () => Promise<EventBridgeClient>
  /** Every request to a provider, tokens and bytes included. */
  readonly http: SendRequest
  /** The bytes of our own buckets' objects. */
  readonly feed: OpenFeed
  /** The hashes that every provider may use. */
  readonly hasher: StartHash
  readonly openTurns: OpenTurns
}

const maxAttempts = 4

/** The world as a deployed function finds it. */
export function outsideOf(settings: Settings): Outside {
  const bucketsByPath = addressesByPath(settings)
  const aws = once(() =>
    awsCaller({ settings, clock: systemClock, random: Math.random, send: sendRequest, bucketsByPath }),
  )
  return {
    clock: systemClock,
    random: Math.random,
    newId: randomId,
    aws,
    dynamo: once(() => dynamoOf(aws())),
    s3: onceAsync(async () => {
      const { S3Client: Client } = await import('@aws-sdk/client-s3')
      return new Client({
        maxAttempts,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        forcePathStyle: bucketsByPath,
      })
    }),
    sqs: onceAsync(async () => new (await import('@aws-sdk/client-sqs')).SQSClient({ maxAttempts })),
    secrets: onceAsync(async () => {
      const { SecretsManagerClient: Client } = await import('@aws-sdk/client-secrets-manager')
      return new Client({ maxAttempts })
    }),
    events: onceAsync(async () => {
      const { EventBridgeClient: Client } = await import('@aws-sdk/client-eventbridge')
      return new Client({ maxAttempts })
    }),
    http: sendRequest,
    feed: openFeed,
    hasher: startCommonHash,
    openTurns,
  }
}

/** Behind an endpoint of its own a server seldom has a host name for each bucket. */
function addressesByPath(settings: Settings): boolean {
  const said = settings['BUCKETS_BY_PATH']
  if (said !== undefined) return said === 'true'
  return settings['AWS_ENDPOINT_URL_S3'] !== undefined || settings['AWS_ENDPOINT_URL'] !== undefined
}
