import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { CfnBucket } from 'aws-cdk-lib/aws-s3'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import type { Key } from 'aws-cdk-lib/aws-kms'
import { Queue, QueueEncryption, RedrivePermission } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { Settings } from '../settings.ts'
import type { DrivewayFunction } from './function.ts'

/** SQS's own longest: so long somebody can look at what could not be done. */
export const deadLetterDays = 14

export interface IntakeProps {
  readonly settings: Settings
  readonly key: Key
  readonly bucket: Bucket
  /** The timeouts of the functions that sort what arrives and that take from the lanes. */
  readonly sortTimeout: Duration
  readonly workTimeout: Duration
}

/** Deliveries of one message before it is put aside: a transfer that runs out of time takes one each. */
export const maxDeliveries = 10

/** What arrives is sorted by two at once: a lane's share is counted by each for itself. */
const sorters = 2

/**
 * From an object in the intake bucket to a message that a function takes: the queue that S3 tells, the two
 * lanes that it is sorted into, their dead letters and the bucket's notification.
 */
export class Intake extends Construct {
  readonly arrivals: Queue
  readonly short: Queue
  readonly long: Queue
  readonly deadLetters: Queue
  readonly #settings: Settings

  constructor(scope: Construct, id: string, props: IntakeProps) {
    super(scope, id)
    this.#settings = props.settings
    const stack = Stack.of(this)
    const queueName = `driveway-${props.settings.stage}-intake`
    const common = {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: props.key,
      dataKeyReuse: Duration.hours(1),
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
    }
    // Named by their ARNs: naming the queues themselves would make them wait for each other.
    const source = (id: string, name: string) =>
      Queue.fromQueueArn(this, id, stack.formatArn({ service: 'sqs', resource: name }))
    const sourceQueues = [
      source('Source', queueName),
      source('ShortSource', `${queueName}-short`),
      source('LongSource', `${queueName}-long`),
    ]
    this.deadLetters = new Queue(this, 'DeadLetters', {
      ...common,
      queueName: `${queueName}-dead-letters`,
      retentionPeriod: Duration.days(deadLetterDays),
      redriveAllowPolicy: { redrivePermission: RedrivePermission.BY_QUEUE, sourceQueues },
    })
    const queue = (queueId: string, name: string, timeout: Duration) =>
      new Queue(this, queueId, {
        ...common,
        queueName: name,
        retentionPeriod: Duration.days(4),
        // At least six times the function's time:
        // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        visibilityTimeout: Duration.seconds(6 * timeout.toSeconds()),
        receiveMessageWaitTime: Duration.seconds(20),
        deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxDeliveries },
      })
    this.arrivals = queue('Queue', queueName, props.sortTimeout)
    this.short = queue('Short', `${queueName}-short`, props.workTimeout)
    this.long = queue('Long', `${queueName}-long`, props.workTimeout)
    this.#notify(props)
  }

  /** Each message of a lane is one object: a large one must not hold up small ones. */
  feeds(sorter: DrivewayFunction, worker: DrivewayFunction): void {
    this.#map('Arrival', this.arrivals, sorter, 10, sorters)
    this.#map('Delivery', this.short, worker, 1, this.#settings.intakeConcurrency)
    this.#map('LongDelivery', this.long, worker, 1, this.#settings.intakeConcurrency)
  }

  #map(id: string, queue: Queue, target: DrivewayFunction, batchSize: number, maxConcurrency: number): void {
    // Not `addEventSource`: that would grant more than the function asks for.
    new EventSourceMapping(this, id, {
      target: target.lambda,
      eventSourceArn: queue.queueArn,
      batchSize,
      reportBatchItemFailures: true,
      maxConcurrency,
    })
  }

  /** S3 checks that it may send when the bucket is made, so the queue's policy and the key's come first. */
  #notify({ bucket, key }: IntakeProps): void {
    const { account } = Stack.of(this)
    const s3 = new ServicePrincipal('s3.amazonaws.com')
    const fromHere = { StringEquals: { 'aws:SourceAccount': account } }
    this.arrivals.addToResourcePolicy(
      new PolicyStatement({
        sid: 'ObjectCreated',
        principals: [s3],
        actions: ['sqs:SendMessage'],
        resources: [this.arrivals.queueArn],
        conditions: { ...fromHere, ArnEquals: { 'aws:SourceArn': intakeBucketArn(this, this.#settings) } },
      }),
    )
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'ObjectCreatedMessages',
        principals: [s3],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: fromHere,
      }),
    )
    const { defaultChild } = bucket.node
    if (!(defaultChild instanceof CfnBucket))
      throw new TypeError('The intake bucket has no CloudFormation resource.')
    defaultChild.notificationConfiguration = {
      queueConfigurations: [{ event: 's3:ObjectCreated:*', queue: this.arrivals.queueArn }],
    }
    const policy = this.arrivals.node.tryFindChild('Policy')
    if (policy !== undefined) defaultChild.node.addDependency(policy)
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'This is the dead-letter queue.',
    })
  }
}

/** The bucket's ARN made from its name: the bucket itself waits for the policy that this stands in. */
function intakeBucketArn(scope: Construct, settings: Settings): string {
  const { partition, account, region } = Stack.of(scope)
  return `arn:${partition}:s3:::driveway-${settings.stage}-intake-${account}-${region}`
}
