import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import type { Table } from 'aws-cdk-lib/aws-dynamodb'
import type { Key } from 'aws-cdk-lib/aws-kms'
import { EventSourceMapping, FilterCriteria, StartingPosition } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { outbox } from '../../lib/contract/outbox.ts'
import type { TableName } from '../../lib/contract/tables.ts'
import type { Settings } from '../settings.ts'
import { streamArnOf } from './data.ts'
import type { DrivewayFunction } from './function.ts'
import { deadLetterDays } from './intake.ts'

export interface OutboxProps {
  readonly settings: Settings
  readonly key: Key
}

/**
 * From a row that carries an event to the function that tells it: the tables'
 * change streams, and a queue for what could not be told.
 */
export class Outbox extends Construct {
  readonly deadLetters: Queue

  constructor(scope: Construct, id: string, { settings, key }: OutboxProps) {
    super(scope, id)
    this.deadLetters = new Queue(this, 'DeadLetters', {
      queueName: `driveway-${settings.stage}-events-dead-letters`,
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      dataKeyReuse: Duration.hours(1),
      enforceSSL: true,
      retentionPeriod: Duration.days(deadLetterDays),
      removalPolicy: RemovalPolicy.DESTROY,
    })
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'This is the dead-letter queue.',
    })
  }

  feeds(target: DrivewayFunction, tables: Readonly<Record<TableName, Table>>): void {
    for (const name of outbox.tables) {
      // Not `addEventSource`: that would grant more than the function asks for.
      new EventSourceMapping(this, `From${name.charAt(0).toUpperCase()}${name.slice(1)}`, {
        target: target.lambda,
        eventSourceArn: streamArnOf(tables[name]),
        startingPosition: StartingPosition.TRIM_HORIZON,
        filters: outbox.patterns.map((pattern) => FilterCriteria.filter(pattern)),
        batchSize: outbox.batchSize,
        maxBatchingWindow: Duration.seconds(outbox.windowSeconds),
        bisectBatchOnError: true,
        reportBatchItemFailures: true,
        maxRecordAge: Duration.hours(outbox.recordAgeHours),
        onFailure: { bind: () => ({ destination: this.deadLetters.queueArn }) },
      })
    }
  }
}
