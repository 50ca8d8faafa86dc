import { Duration } from 'aws-cdk-lib'
import {
  ComparisonOperator,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { MetricName } from '../../lib/telemetry/metrics.ts'
import { metricNamespace } from '../../lib/telemetry/metrics.ts'
import type { Settings } from '../settings.ts'
import type { DrivewayFunction } from './function.ts'
import type { Intake } from './intake.ts'
import type { Outbox } from './outbox.ts'

/** What the alarms look at. */
export interface Watched {
  readonly settings: Settings
  readonly rest: RestApi
  readonly intake: Intake
  readonly outbox: Outbox
  readonly functionOf: (name: string) => DrivewayFunction
}

export interface Watch {
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

const quarter = Duration.minutes(15)
const five = Duration.minutes(5)

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

function errorsOf({ functionOf }: Watched, name: string): Metric {
  return functionOf(name).lambda.metricErrors({ period: five, statistic: Stats.SUM })
}

/** Everything that wakes an operator. */
export function watchesOf(watched: Watched): readonly Watch[] {
  return [intakeWatches, driveWatches, outboxWatches, gatewayWatches].flatMap((watches) => watches(watched))
}

function intakeWatches(watched: Watched): Watch[] {
  return [
    {
      id: 'dead-letters',
      says: 'Intake messages failed again and again and were put aside.',
      metric: watched.intake.deadLetters.metricApproximateNumberOfMessagesVisible({
        period: five,
        statistic: Stats.MAXIMUM,
      }),
      threshold: 1,
    },
    {
      id: 'intake-delay',
      says: 'An uploaded object has waited for two hours.',
      metric: new MathExpression({
        expression: 'MAX([arrivals, short, long])',
        usingMetrics: Object.fromEntries(
          (['arrivals', 'short', 'long'] as const).map((name) => [
            name,
            watched.intake[name].metricApproximateAgeOfOldestMessage({
              period: five,
              statistic: Stats.MAXIMUM,
            }),
          ]),
        ),
        period: five,
      }),
      threshold: 2 * 3600,
      periods: [3, 3],
    },
    {
      id: 'transfers-failing',
      says: 'Transfers from the intake end in failed.',
      metric: stageMetric(watched.settings, 'TransfersFailed', quarter),
      threshold: 10,
    },
    {
      id: 'ingest-errors',
      says: 'The function that takes intake messages crashes or runs out of time.',
      metric: errorsOf(watched, 'ingest-object'),
      threshold: 5,
      periods: [2, 3],
    },
    {
      id: 'sweeper-stopped',
      says: 'Nothing looks for transfers that were left lying.',
      metric: watched.functionOf('sweep-transfers').lambda.metricInvocations({
        period: quarter,
        statistic: Stats.SUM,
      }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: [2, 2],
      missing: TreatMissingData.BREACHING,
    },
    {
      id: 'sweeper-errors',
      says: 'The sweeper fails each time.',
      metric: errorsOf(watched, 'sweep-transfers'),
      threshold: 1,
      periods: [3, 3],
    },
  ]
}

function driveWatches(watched: Watched): Watch[] {
  return [
    {
      id: 'operator-faults',
      says: 'A provider refuses this deployment itself, such as with invalid_client: nobody can connect or refresh there.',
      metric: stageMetric(watched.settings, 'OperatorFaults', five),
      threshold: 1,
    },
    {
      id: 'reauth-spike',
      says: 'Many connections lost their grants at once.',
      metric: stageMetric(watched.settings, 'ReauthRequired', quarter),
      threshold: watched.settings.reauthSpike,
    },
    {
      id: 'provider-throttling',
      says: 'A provider throttles this deployment, beyond what retries hide.',
      metric: stageMetric(watched.settings, 'ProviderThrottles', quarter),
      threshold: 100,
      periods: [2, 2],
    },
    {
      id: 'keep-alive-errors',
      says: 'The hourly keep-alive failed: idle grants would die in time.',
      metric: errorsOf(watched, 'keep-alive'),
      threshold: 1,
    },
    {
      id: 'follow-errors',
      says: 'Looking at what users do in their drives failed: their changes are told late.',
      metric: errorsOf(watched, 'follow-drives'),
      threshold: 1,
      periods: [3, 3],
    },
    {
      id: 'pack-errors',
      says: 'The hourly packer failed: secrets of single connections pile up, and what was disconnected stays sealed in its cell.',
      metric: errorsOf(watched, 'pack-grants'),
      threshold: 1,
    },
    {
      id: 'vault-inconsistent',
      says: 'A grant cannot be read where its row says it is: its secret is missing, or does not open.',
      metric: stageMetric(watched.settings, 'VaultInconsistent', five),
      threshold: 1,
    },
  ]
}

function outboxWatches(watched: Watched): Watch[] {
  return [
    {
      id: 'events-late',
      says: 'An event has waited for a quarter of an hour to be told.',
      metric: watched
        .functionOf('tell')
        .lambda.metric('IteratorAge', { period: five, statistic: Stats.MAXIMUM }),
      threshold: quarter.toMilliseconds(),
      periods: [2, 3],
    },
    {
      id: 'events-untold',
      says: 'Events could not be told for almost a day and were put aside.',
      metric: watched.outbox.deadLetters.metricApproximateNumberOfMessagesVisible({
        period: five,
        statistic: Stats.MAXIMUM,
      }),
      threshold: 1,
    },
  ]
}

function gatewayWatches(watched: Watched): Watch[] {
  return [
    {
      id: 'api-errors',
      says: 'More than 5 % of the API’s answers are 5xx.',
      metric: new MathExpression({
        // A handful of requests proves nothing.
        expression: 'IF(requests >= 20, 100 * errors / requests, 0)',
        usingMetrics: {
          errors: watched.rest.metricServerError({ period: five, statistic: Stats.SUM }),
          requests: watched.rest.metricCount({ period: five, statistic: Stats.SUM }),
        },
        period: five,
        label: '5xx answers, percent',
      }),
      threshold: 5,
      periods: [2, 3],
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
