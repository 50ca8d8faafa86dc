import type { Table } from 'aws-cdk-lib/aws-dynamodb'
import type { EventBus } from 'aws-cdk-lib/aws-events'
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Key } from 'aws-cdk-lib/aws-kms'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import { Stack } from 'aws-cdk-lib'
import type { EnvironmentName } from '../../lib/contract/env.ts'
import {
  bucketActions,
  busActions,
  queueActions,
  secretActions,
  streamActions,
  tableActions,
  wholeBucketActions,
} from './actions.ts'
import { streamArnOf } from './data.ts'

export type Environment = Readonly<Partial<Record<EnvironmentName, string>>>

/**
 * Something that a function can be given: the variables that name it,
 * and the statements behind each kind of access.
 */
export interface Resource<Access extends string> {
  readonly environment: Environment
  statements(access: readonly Access[]): readonly PolicyStatement[]
  /** Why a statement names these resources with a wildcard. */
  readonly wildcards?: Readonly<Record<string, string>>
}

type Actions<Access extends string> = Readonly<Record<Access, readonly string[]>>

function allow(actions: readonly string[], resources: readonly string[]): PolicyStatement {
  return new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] })
}

function actionsFor<Access extends string>(all: Actions<Access>, access: readonly Access[]): string[] {
  return [...new Set(access.flatMap((one) => all[one]))]
}

/** The key behind a resource, through that service only: a function cannot decrypt anything by itself. */
function throughService(key: Key, service: string, actions: readonly string[]): PolicyStatement {
  return new PolicyStatement({
    actions: [...actions],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `${service}.${Stack.of(key).region}.amazonaws.com` } },
  })
}

export type TableAccess = keyof typeof tableActions | `index:${string}` | `scan:${string}`

function onIndex(access: readonly TableAccess[], kind: 'index' | 'scan', table: Table): string[] {
  return access
    .filter((one) => one.startsWith(`${kind}:`))
    .map((one) => `${table.tableArn}/index/${one.slice(kind.length + 1)}`)
}

/**
 * A table; `index:name` queries that index and `scan:name` scans it, and nothing else of the table.
 * With a customer-managed key DynamoDB asks the caller for the key too:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
export function tableResource(table: Table, key: Key, variable: EnvironmentName): Resource<TableAccess> {
  return {
    environment: { [variable]: table.tableName },
    statements(access) {
      const direct = access.filter((one): one is keyof typeof tableActions => !one.includes(':'))
      const queried = onIndex(access, 'index', table)
      const scanned = onIndex(access, 'scan', table)
      if (access.length === 0) return []
      const writes = direct.some((one) => one !== 'get' && one !== 'query' && one !== 'scan')
      return [
        ...(direct.length > 0 ? [allow(actionsFor(tableActions, direct), [table.tableArn])] : []),
        ...(queried.length > 0 ? [allow(['dynamodb:Query'], queried)] : []),
        ...(scanned.length > 0 ? [allow(['dynamodb:Scan'], scanned)] : []),
        throughService(key, 'dynamodb', [
          'kms:Decrypt',
          'kms:DescribeKey',
          ...(writes ? ['kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'] : []),
        ]),
      ]
    },
  }
}

export type BucketAccess = keyof typeof bucketActions | keyof typeof wholeBucketActions

/**
 * A bucket's objects. `list` is what makes a missing object answer 404 and not 403.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function bucketResource(bucket: Bucket, key: Key, variable: EnvironmentName): Resource<BucketAccess> {
  return {
    environment: { [variable]: bucket.bucketName },
    wildcards: {
      [`${bucket.bucketArn}/*`]: 'Objects are named by users’ documents; no list could name them.',
    },
    statements(access) {
      const all = { ...bucketActions, ...wholeBucketActions }
      const objects = access.filter((one) => one in bucketActions)
      const whole = access.filter((one) => one in wholeBucketActions)
      const reads = objects.includes('get') || objects.includes('upload')
      const writes = objects.includes('put') || objects.includes('upload')
      const keyActions = [
        ...(reads || writes ? ['kms:Decrypt'] : []),
        ...(writes ? ['kms:GenerateDataKey'] : []),
      ]
      return [
        ...(objects.length > 0 ? [allow(actionsFor(all, objects), [`${bucket.bucketArn}/*`])] : []),
        ...(whole.length > 0 ? [allow(actionsFor(all, whole), [bucket.bucketArn])] : []),
        ...(keyActions.length > 0 ? [throughService(key, 's3', keyActions)] : []),
      ]
    },
  }
}

export type SecretAccess = keyof typeof secretActions

/** The secrets under `arns`; their names come from the deployment's prefix, so `environment` is that. */
export function secretResource(
  arns: readonly string[],
  key: Key,
  environment: Environment,
): Resource<SecretAccess> {
  return {
    environment,
    wildcards: Object.fromEntries(
      arns
        .filter((arn) => arn.endsWith('*'))
        .map((arn) => [arn, 'One secret for each connection or provider, made later.']),
    ),
    statements(access) {
      const writes = access.includes('create')
      const reads = writes || access.includes('read')
      return [
        allow(actionsFor(secretActions, access), arns),
        ...(reads
          ? [
              throughService(key, 'secretsmanager', [
                'kms:Decrypt',
                ...(writes ? ['kms:GenerateDataKey'] : []),
              ]),
            ]
          : []),
      ]
    },
  }
}

export type QueueAccess = keyof typeof queueActions

/**
 * The change streams of tables, for the event source mappings that read them with the function's role.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 */
export function streamsResource(tables: readonly Table[], key: Key): Resource<keyof typeof streamActions> {
  return {
    environment: {},
    wildcards: { '*': 'Listing streams knows no resources.' },
    statements: () => [
      allow(streamActions.read, tables.map(streamArnOf)),
      allow(streamActions.list, ['*']),
      throughService(key, 'dynamodb', ['kms:Decrypt', 'kms:DescribeKey']),
    ],
  }
}

/**
 * A queue. `variable` names it to the function; without one only the service uses the function's role.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 */
export function queueResource(queue: Queue, key: Key, variable?: EnvironmentName): Resource<QueueAccess> {
  return {
    environment: variable === undefined ? {} : { [variable]: queue.queueUrl },
    statements: (access) => [
      allow(actionsFor(queueActions, access), [queue.queueArn]),
      throughService(key, 'sqs', [
        'kms:Decrypt',
        ...(access.includes('send') ? ['kms:GenerateDataKey'] : []),
      ]),
    ],
  }
}

/** The event bus. */
export function busResource(bus: EventBus, variable: EnvironmentName): Resource<'publish'> {
  return {
    environment: { [variable]: bus.eventBusName },
    statements: () => [allow(actionsFor(busActions, ['publish']), [bus.eventBusArn])],
  }
}

/** Settings that a function reads and that stand for nothing in the account. */
export function settingResource(environment: Environment): Resource<'read'> {
  return { environment, statements: () => [] }
}
