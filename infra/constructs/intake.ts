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

export interface IntakeProps {
  readonly settings: Settings
  readonly key: Key
  readonly bucket: Bucket
  /** The timeout of the function that takes from the queue. */
  readonly workTimeout: Duration
}

/** Deliveries of one message before it is put aside: a transfer that runs out of time takes one each. */
const maxDeliveries = 10

/**
 * From an object in the intake bucket to a message that a function
 * takes: the queue, its dead letters and the bucket's notification.
 */
export class Intake extends Construct {
  readonly queue: Queue
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
    // Named by its ARN: naming the queue itself would make the two wait for each other.
    const source = Queue.fromQueueArn(
      this,
      'Source',
      stack.formatArn({ service: 'sqs', resource: queueName }),
    )
    this.deadLetters = new Queue(this, 'DeadLetters', {
      ...common,
      queueName: `${queueName}-dead-letters`,
      retentionPeriod: Duration.days(14),
      redriveAllowPolicy: { redrivePermission: RedrivePermission.BY_QUEUE, sourceQueues: [source] },
    })
    this.queue = new Queue(this, 'Queue', {
      ...common,
      queueName,
      retentionPeriod: Duration.days(4),
      // At least six times the function's time:
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(6 * props.workTimeout.toSeconds()),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxDeliveries },
    })
    this.#notify(props)
  }

  /** Each message is one object: a large one must not hold up small ones. */
  feeds(target: DrivewayFunction): void {
    // Not `addEventSource`: that would grant more than the function asks for.
    new EventSourceMapping(this, 'Delivery', {
      target: target.lambda,
      eventSourceArn: this.queue.queueArn,
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: this.#settings.intakeConcurrency,
    })
  }

  /** S3 checks that it may send when the bucket is made, so the queue's policy and the key's come first. */
  #notify({ bucket, key }: IntakeProps): void {
    const { account } = Stack.of(this)
    const s3 = new ServicePrincipal('s3.amazonaws.com')
    const fromHere = { StringEquals: { 'aws:SourceAccount': account } }
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid: 'ObjectCreated',
        principals: [s3],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
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
      queueConfigurations: [{ event: 's3:ObjectCreated:*', queue: this.queue.queueArn }],
    }
    const policy = this.queue.node.tryFindChild('Policy')
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
