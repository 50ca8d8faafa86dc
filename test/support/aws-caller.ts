import type { Dynamo } from '../../lib/aws/dynamo.ts'
import { dynamoOf } from '../../lib/aws/dynamo.ts'
import type { AwsCaller } from '../../lib/aws/caller.ts'
import { awsCaller } from '../../lib/aws/caller.ts'
import { systemClock } from '../../lib/clock.ts'
import { sendRequest } from '../../lib/net/http-client.ts'

/** Calls to AWS-compatible servers, which take the key pair of local stacks. */
export function callerAt(endpoints: { readonly s3?: string; readonly dynamoDb?: string }): AwsCaller {
  return awsCaller({
    settings: {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_S3: endpoints.s3,
      AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamoDb,
    },
    clock: systemClock,
    random: Math.random,
    send: sendRequest,
    bucketsByPath: true,
  })
}

/** The tables of such a server. */
export const dynamoAt = (endpoint: string): Dynamo => dynamoOf(callerAt({ dynamoDb: endpoint }))
