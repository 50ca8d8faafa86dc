import { Duration, Stack } from 'aws-cdk-lib'
import {
  Alarm,
  ComparisonOperator,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { MetricName } from '../../lib/telemetry/metrics.ts'
import { metricNamespace } from '../../lib/telemetry/metrics.ts'
import type { Settings } from '../settings.ts'
import type { DrivewayFunction } from './function.ts'
import type { Intake } from './intake.ts'
import type { Outbox } from './outbox.ts'

const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD: reaches, LESS_THAN_THRESHOLD: below } = ComparisonOperator

export interface AlarmsProps {
  readonly settings: Settings
  readonly key: Key
  readonly rest: RestApi
  readonly intake: Intake
  readonly outbox: Outbox
  readonly functionOf: (name: string) => DrivewayFunction
}

interface Watch {
  /** The heading of its entry in infra/RUNBOOK.md. */
  readonly id: string
  readonly says: string
  readonly metric: IMetric
  readonly threshold: number
  readonly comparison?: ComparisonOperator
  /** Of how many periods how many must break the threshold. */
  readonly periods?: readonly [breaching: number, of: number]
  readonly missing?: TreatMissingData
}

/** One of our own metrics, summed over the stage. */
export function stageMetric(
  settings: Settings,
  name: MetricName,
  period: Duration,
  statistic: string = Stats.SUM,
): Metric {
  return new Metric({
    namespace: metricNamespace,
    metricName: name,
    dimensionsMap: { stage: settings.stage },
    period,
    statistic,
  })
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
    for (const watch of this.#watches(props)) this.#add(watch)
  }

  #watches({ settings, rest, intake, outbox, functionOf }: AlarmsProps): Watch[] {
    const quarter = Duration.minutes(15)
    const five = Duration.minutes(5)
    const own = (name: MetricName, period: Duration) => stageMetric(settings, name, period)
    const errors = (name: string) =>
      functionOf(name).lambda.metricErrors({ period: five, statistic: Stats.SUM })
    return [
      {
        id: 'dead-letters',
        says: 'Intake messages failed again and again and were put aside.',
        metric: intake.deadLetters.metricApproximateNumberOfMessagesVisible({
          period: five,
          statistic: Stats.MAXIMUM,
        }),
        threshold: 1,
      },
      {
        id: 'intake-delay',
        says: 'An uploaded object has waited for two hours.',
        metric: intake.queue.metricApproximateAgeOfOldestMessage({ period: five, statistic: Stats.MAXIMUM }),
        threshold: 2 * 3600,
        periods: [3, 3],
      },
      {
        id: 'api-errors',
        says: 'More than 5 % of the API’s answers are 5xx.',
        metric: new MathExpression({
          // A handful of requests proves nothing.
          expression: 'IF(requests >= 20, 100 * errors / requests, 0)',
          usingMetrics: {
            errors: rest.metricServerError({ period: five, statistic: Stats.SUM }),
            requests: rest.metricCount({ period: five, statistic: Stats.SUM }),
          },
          period: five,
          label: '5xx answers, percent',
        }),
        threshold: 5,
        periods: [2, 3],
      },
      {
        id: 'operator-faults',
        says: 'A provider refuses this deployment itself, such as with invalid_client: nobody can connect or refresh there.',
        metric: own('OperatorFaults', five),
        threshold: 1,
      },
      {
        id: 'reauth-spike',
        says: 'Many connections lost their grants at once.',
        metric: own('ReauthRequired', quarter),
        threshold: settings.reauthSpike,
      },
      {
        id: 'provider-throttling',
        says: 'A provider throttles this deployment, beyond what retries hide.',
        metric: own('ProviderThrottles', quarter),
        threshold: 100,
        periods: [2, 2],
      },
      {
        id: 'transfers-failing',
        says: 'Transfers from the intake end in failed.',
        metric: own('TransfersFailed', quarter),
        threshold: 10,
      },
      {
        id: 'ingest-errors',
        says: 'The function that takes intake messages crashes or runs out of time.',
        metric: errors('ingest-object'),
        threshold: 5,
        periods: [2, 3],
      },
      {
        id: 'sweeper-stopped',
        says: 'Nothing looks for transfers that were left lying.',
        metric: functionOf('sweep-transfers').lambda.metricInvocations({
          period: quarter,
          statistic: Stats.SUM,
        }),
        threshold: 1,
        comparison: below,
        periods: [2, 2],
        missing: TreatMissingData.BREACHING,
      },
      {
        id: 'sweeper-errors',
        says: 'The sweeper fails each time.',
        metric: errors('sweep-transfers'),
        threshold: 1,
        periods: [3, 3],
      },
      {
        id: 'keep-alive-errors',
        says: 'The daily keep-alive failed: idle grants would die in time.',
        metric: errors('keep-alive'),
        threshold: 1,
      },
      {
        id: 'events-late',
        says: 'An event has waited for a quarter of an hour to be told.',
        metric: functionOf('tell').lambda.metric('IteratorAge', { period: five, statistic: Stats.MAXIMUM }),
        threshold: quarter.toMilliseconds(),
        periods: [2, 3],
      },
      {
        id: 'events-untold',
        says: 'Events could not be told for almost a day and were put aside.',
        metric: outbox.deadLetters.metricApproximateNumberOfMessagesVisible({
          period: five,
          statistic: Stats.MAXIMUM,
        }),
        threshold: 1,
      },
      {
        id: 'function-throttles',
        says: 'The account’s Lambda concurrency is used up.',
        metric: new Metric({
          namespace: 'AWS/Lambda',
          metricName: 'Throttles',
          period: five,
          statistic: Stats.SUM,
        }),
        threshold: 10,
        periods: [2, 3],
      },
    ]
  }

  #add({
    id,
    says,
    metric,
    threshold,
    comparison = reaches,
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
    // `enforceSSL` gives the topic a policy, and a policy takes the place of the one that lets the account's services publish: without
    // a word for CloudWatch in it no alarm reaches anybody. https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
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
