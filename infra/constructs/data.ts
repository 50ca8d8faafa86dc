import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { BlockPublicAccess, Bucket, BucketEncryption, HttpMethods, ObjectOwnership } from 'aws-cdk-lib/aws-s3'
import type { LifecycleRule } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { bucketCors } from '../../lib/contract/cors.ts'
import type { TableDefinition, TableName } from '../../lib/contract/tables.ts'
import { tables } from '../../lib/contract/tables.ts'
import { partsDays } from '../../lib/contract/limits.ts'
import type { Settings } from '../settings.ts'

const text = (name: string) => ({ name, type: AttributeType.STRING })

/** How far back point-in-time recovery goes. */
export const recoveryDays = 35

export interface DataProps {
  readonly settings: Settings
  /** Origins of pages that may upload to the buckets, beside the settings' own. */
  readonly corsOrigins: readonly string[]
}

/**
 * What must outlive every deployment: the key, the tables, the buckets. Their construct ids are their logical
 * ids: renaming one here would make CloudFormation replace it, which a test refuses.
 */
export class Data extends Construct {
  readonly key: Key
  readonly tables: Readonly<Record<TableName, Table>>
  readonly intake: Bucket
  readonly storage: Bucket
  readonly #removalPolicy: RemovalPolicy

  constructor(scope: Construct, id: string, { settings, corsOrigins }: DataProps) {
    super(scope, id)
    this.#removalPolicy = settings.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
    this.key = this.#addKey(settings)
    const made = tables.map((definition): [TableName, Table] => [
      definition.name,
      this.#addTable(definition, settings),
    ])
    this.tables = Object.fromEntries(made) as Record<TableName, Table>
    const abandoned: LifecycleRule = {
      id: 'abandoned-uploads',
      // A day more than an upload in parts is open.
      abortIncompleteMultipartUploadAfter: Duration.days(partsDays + 1),
    }
    // What failed or was rejected stays for somebody to look at, but not for ever at the operator's cost.
    const kept = (['failed', 'rejected'] as const).map((value): LifecycleRule => ({
      id: `expire-${value}`,
      tagFilters: { driveway: value },
      expiration: Duration.days(settings.keptUploadDays),
    }))
    this.intake = this.#addBucket('Intake', settings, corsOrigins, [abandoned, ...kept])
    // The tables can be taken back 35 days, and what their rows name has to be there then.
    this.storage = this.#addBucket(
      'Storage',
      settings,
      corsOrigins,
      [
        abandoned,
        {
          id: 'expire-old-versions',
          noncurrentVersionExpiration: Duration.days(recoveryDays),
          expiredObjectDeleteMarker: true,
        },
      ],
      true,
    )
  }

  #addKey(settings: Settings): Key {
    const stack = Stack.of(this)
    const key = new Key(this, 'Key', {
      alias: `driveway-${settings.stage}`,
      description: `Everything that driveway ${settings.stage} keeps.`,
      enableKeyRotation: true,
      removalPolicy: this.#removalPolicy,
    })
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'LogGroups',
        principals: [new ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
        actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        resources: ['*'],
        conditions: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': `arn:${stack.partition}:logs:${stack.region}:${stack.account}:*`,
          },
        },
      }),
    )
    return key
  }

  #addTable(definition: TableDefinition, settings: Settings): Table {
    const id = `${definition.name.charAt(0).toUpperCase()}${definition.name.slice(1)}Table`
    const table = new Table(this, id, {
      tableName: `driveway-${settings.stage}-${definition.name}`,
      partitionKey: text(definition.partitionKey),
      ...(definition.sortKey === undefined ? {} : { sortKey: text(definition.sortKey) }),
      ...(definition.ttlAttribute === undefined ? {} : { timeToLiveAttribute: definition.ttlAttribute }),
      ...(definition.stream === true ? { stream: StreamViewType.NEW_AND_OLD_IMAGES } : {}),
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: this.key,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: settings.retain,
      removalPolicy: this.#removalPolicy,
    })
    for (const index of definition.indexes ?? []) {
      table.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: text(index.partitionKey),
        ...(index.sortKey === undefined ? {} : { sortKey: text(index.sortKey) }),
        projectionType: index.keysOnly === true ? ProjectionType.KEYS_ONLY : ProjectionType.ALL,
      })
    }
    return table
  }

  #addBucket(
    id: string,
    settings: Settings,
    origins: readonly string[],
    lifecycleRules: LifecycleRule[],
    versioned = false,
  ): Bucket {
    const { account, region } = Stack.of(this)
    const allowedOrigins = [...new Set([...settings.corsOrigins, ...origins])]
    const bucket = new Bucket(this, `${id}Bucket`, {
      bucketName: `driveway-${settings.stage}-${id.toLowerCase()}-${account}-${region}`,
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      // One data key for many objects: a fraction of the KMS calls.
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      lifecycleRules,
      versioned,
      removalPolicy: this.#removalPolicy,
      cors: bucketCors(allowedOrigins).map(({ allowedOrigins: of, allowedMethods, ...rule }) => ({
        ...rule,
        allowedOrigins: [...of],
        allowedMethods: allowedMethods.map((method) => HttpMethods[method]),
      })),
    })
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Server access logs hold whole query strings, and with them the signatures of presigned URLs that still work.',
    })
    return bucket
  }
}

/** The ARN of the table's change stream. */
export function streamArnOf(table: Table): string {
  if (table.tableStreamArn === undefined) throw new TypeError(`${table.node.id} has no change stream.`)
  return table.tableStreamArn
}
