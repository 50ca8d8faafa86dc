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
import { deadLetterDays, maxDeliveries } from './intake.ts'

export interface OutboxProps {
  readonly settings: Settings
  readonly key: Key
  readonly deliverTimeout: Duration
}

/**
 * From a row that carries an event to the function that tells it: the tables'
 * change streams, and a queue for what could not be told.
 */
export class Outbox extends Construct {
  readonly deadLetters: Queue
  /** Deliveries to the app's webhooks; each waits here until it is due. */
  readonly webhooks: Queue

  constructor(scope: Construct, id: string, { settings, key, deliverTimeout }: OutboxProps) {
    super(scope, id)
    const common = {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      dataKeyReuse: Duration.hours(1),
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
    }
    this.deadLetters = new Queue(this, 'DeadLetters', {
      ...common,
      queueName: `driveway-${settings.stage}-events-dead-letters`,
      retentionPeriod: Duration.days(deadLetterDays),
    })
    this.webhooks = new Queue(this, 'Webhooks', {
      ...common,
      queueName: `driveway-${settings.stage}-webhooks`,
      retentionPeriod: Duration.days(4),
      visibilityTimeout: Duration.seconds(6 * deliverTimeout.toSeconds()),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxDeliveries },
    })
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'This is the dead-letter queue.',
    })
  }

  feeds(
    target: DrivewayFunction,
    tables: Readonly<Record<TableName, Table>>,
    deliverer: DrivewayFunction,
  ): void {
    new EventSourceMapping(this, 'Delivery', {
      target: deliverer.lambda,
      eventSourceArn: this.webhooks.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      maxConcurrency: 10,
    })
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
