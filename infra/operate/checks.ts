import { DescribeTableCommand, DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DescribeEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { GetBucketNotificationConfigurationCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs'
import { tables } from '../../lib/contract/tables.ts'
import { oauthProviderIds } from '../../lib/providers/registry.ts'
import { alarmCheck } from './alarm-check.ts'
import type { Check, Deployed } from './finding.ts'
import { fault, ok, unlessMissing } from './finding.ts'
import { grantCheck } from './grant-checks.ts'
import { clientCheck, sealKeyCheck } from './secret-checks.ts'
import { apiCheck, issuerCheck } from './web-checks.ts'

/** Each table is there, working, and forgets what it should. */
function tableCheck({ stage }: Deployed): Check {
  const client = new DynamoDBClient({})
  return {
    name: 'tables',
    run: () =>
      Promise.all(
        tables.map(async ({ name, ttlAttribute }) => {
          const TableName = `driveway-${stage}-${name}`
          const answer = await unlessMissing(
            client.send(new DescribeTableCommand({ TableName })),
            'ResourceNotFoundException',
          )
          const status = answer?.Table?.TableStatus
          if (status === undefined)
            return fault(
              `${TableName} is not there`,
              `npx cdk deploy -c stage=${stage}, or look into the right region and account`,
            )
          if (status !== 'ACTIVE') return fault(`${TableName} is ${status}`, 'wait a minute and look again')
          if (ttlAttribute === undefined) return ok(TableName)
          const { TimeToLiveDescription: life } = await client.send(
            new DescribeTimeToLiveCommand({ TableName }),
          )
          return life?.AttributeName === ttlAttribute
            ? ok(TableName)
            : fault(
                `${TableName} forgets nothing: its time to live is off`,
                `npx cdk deploy -c stage=${stage}`,
              )
        }),
      ),
  }
}

/** The queue, its dead letters, and the bucket that feeds it. The account is read off the queue's address. */
function intakeCheck({ stage }: Deployed): Check {
  const sqs = new SQSClient({})
  const s3 = new S3Client({})
  const missing = ['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue']
  const queueUrl = async (name: string) =>
    (await unlessMissing(sqs.send(new GetQueueUrlCommand({ QueueName: name })), ...missing))?.QueueUrl
  return {
    name: 'intake',
    async run() {
      const name = `driveway-${stage}-intake`
      const [url, deadUrl] = await Promise.all([queueUrl(name), queueUrl(`${name}-dead-letters`)])
      if (url === undefined || deadUrl === undefined)
        return [fault(`${name} is not there`, `npx cdk deploy -c stage=${stage}`)]
      const attributes = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
      )
      const dead = Number(attributes.Attributes?.['ApproximateNumberOfMessages'] ?? 0)
      const account = new URL(url).pathname.split('/')[1] ?? ''
      const Bucket = `driveway-${stage}-intake-${account}-${await sqs.config.region()}`
      const bucket = await unlessMissing(
        s3.send(new HeadBucketCommand({ Bucket })),
        'NotFound',
        'NoSuchBucket',
      )
      if (bucket === undefined) return [fault(`${Bucket} is not there`, `npx cdk deploy -c stage=${stage}`)]
      const { QueueConfigurations: notified = [] } = await s3.send(
        new GetBucketNotificationConfigurationCommand({ Bucket }),
      )
      return [
        notified.some(({ QueueArn }) => QueueArn?.endsWith(`:${name}`) === true)
          ? ok(`${Bucket} tells ${name}`)
          : fault(`${Bucket} does not tell ${name} of new objects`, `npx cdk deploy -c stage=${stage}`),
        dead === 0
          ? ok('no dead letters')
          : fault(`${dead} dead letters`, 'infra/RUNBOOK.md, “dead-letters”'),
      ]
    },
  }
}

function busCheck({ stage }: Deployed): Check {
  const client = new EventBridgeClient({})
  return {
    name: 'events',
    async run() {
      const Name = `driveway-${stage}`
      const bus = await unlessMissing(
        client.send(new DescribeEventBusCommand({ Name })),
        'ResourceNotFoundException',
      )
      return [
        bus === undefined
          ? fault(`the event bus ${Name} is not there`, `npx cdk deploy -c stage=${stage}`)
          : ok(`event bus ${Name}`),
      ]
    },
  }
}

/** Everything that is looked at, in the order of what depends on what. */
export function checksOf(deployed: Deployed): readonly Check[] {
  return [
    tableCheck(deployed),
    sealKeyCheck(deployed),
    grantCheck(deployed),
    intakeCheck(deployed),
    busCheck(deployed),
    alarmCheck(deployed),
    ...oauthProviderIds.map((provider) => clientCheck(deployed, provider)),
    issuerCheck(deployed),
    apiCheck(deployed),
  ]
}
