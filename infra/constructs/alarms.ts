import { Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { Settings } from '../settings.ts'
import type { Watch, Watched } from './watches.ts'
import { watchesOf } from './watches.ts'

export interface AlarmsProps extends Watched {
  readonly key: Key
}

/** What wakes an operator. Every alarm has an entry of the same name in infra/RUNBOOK.md, and links to it. */
export class Alarms extends Construct {
  readonly topic: Topic
  readonly alarms: Alarm[] = []
  readonly #settings: Settings

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id)
    this.#settings = props.settings
    this.topic = this.#addTopic(props)
    for (const watch of watchesOf(props)) this.#add(watch)
  }

  #add({
    id,
    says,
    metric,
    threshold,
    comparison = ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    periods: [breaching, of] = [1, 1],
    missing,
  }: Watch): void {
    const alarm = new Alarm(this, id, {
      alarmName: `driveway-${this.#settings.stage}-${id}`,
      alarmDescription: `${says} What to do: ${this.#settings.runbookUrl}#${id}`,
      metric,
      threshold,
      comparisonOperator: comparison,
      datapointsToAlarm: breaching,
      evaluationPeriods: of,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    })
    alarm.addAlarmAction(new SnsAction(this.topic))
    alarm.addOkAction(new SnsAction(this.topic))
    this.alarms.push(alarm)
  }

  #addTopic({ settings, key }: AlarmsProps): Topic {
    const topic = new Topic(this, 'Topic', {
      topicName: `driveway-${settings.stage}-alarms`,
      masterKey: key,
      enforceSSL: true,
    })
    // `enforceSSL` gives the topic a policy, and a policy takes the place of the one that lets the account's
    // services publish: without a word for CloudWatch in it no alarm reaches anybody.
    // https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    const alarms = {
      sid: 'Alarms',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
    }
    topic.addToResourcePolicy(
      new PolicyStatement({ ...alarms, actions: ['sns:Publish'], resources: [topic.topicArn] }),
    )
    key.addToResourcePolicy(
      new PolicyStatement({ ...alarms, actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: ['*'] }),
    )
    if (settings.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(settings.alarmEmail))
    return topic
  }
}
