import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { awsCaller } from '../../lib/aws/caller.ts'
import { dynamoOf } from '../../lib/aws/dynamo.ts'
import type { Clock } from '../../lib/clock.ts'
import { once } from '../../lib/compose/once.ts'
import type { Outside } from '../../lib/compose/outside.ts'
import { outsideOf } from '../../lib/compose/outside.ts'
import { sendRequest } from '../../lib/net/http-client.ts'
import type { Settings } from '../../lib/providers/about.ts'
import type { AwsStack } from '../../emulators/stack.ts'
import type { mortality } from './mortality.ts'

export type Life = Pick<ReturnType<typeof mortality>, 'onCall'>
export const immortal: Life = { onCall: (perform) => perform() }

/** Where the emulators are, as AWS clients and settings have it. */
export const environmentOf = (aws: AwsStack) => ({
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_ENDPOINT_URL_S3: aws.s3,
  AWS_ENDPOINT_URL_DYNAMODB: aws.dynamoDb,
  AWS_ENDPOINT_URL_SQS: aws.sqs,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.secrets,
  AWS_ENDPOINT_URL_EVENTBRIDGE: aws.secrets,
})

/** What a process reaches that may die at any call that leaves it. The environment says where AWS is. */
export function mortalOutside(settings: Settings, clock: Clock, { onCall }: Life): Outside {
  const dying = <Client extends S3Client | SQSClient | SecretsManagerClient | EventBridgeClient>(
    client: Client,
  ) => {
    // eslint-disable-next-line
    ;(client.middlewareStack as S3Client['middlewareStack']).add(
      (next) => (args) => onCall(() => next(args)),
      {
        step: 'initialize',
      },
    )
    return () => Promise.resolve(client)
  }
  const send: typeof sendRequest = (request) => onCall(() => sendRequest(request))
  const caller = once(() => awsCaller({ settings, clock, random: Math.random, send, bucketsByPath: true }))
  return {
    ...outsideOf(settings),
    clock,
    aws: caller,
    dynamo: once(() => dynamoOf(caller())),
    s3: dying(
      new S3Client({
        forcePathStyle: true,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      }),
    ),
    sqs: dying(new SQSClient({})),
    secrets: dying(new SecretsManagerClient({})),
    events: dying(new EventBridgeClient({})),
    http: send,
  }
}
