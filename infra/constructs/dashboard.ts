import { Duration } from 'aws-cdk-lib'
import {
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  MathExpression,
  Metric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { Construct } from 'constructs'
import type { MetricName } from '../../lib/telemetry/metrics.ts'
import { metricNamespace } from '../../lib/telemetry/metrics.ts'
import type { Settings } from '../settings.ts'
import { stageMetric } from './watches.ts'
import type { DrivewayFunction } from './function.ts'
import type { Intake } from './intake.ts'

export interface DashboardProps {
  readonly settings: Settings
  readonly rest: RestApi
  readonly intake: Intake
  readonly functions: readonly DrivewayFunction[]
}

const five = Duration.minutes(5)

/**
 * One page for the question "how is it going?": what callers see, what providers do, what the intake does.
 */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { settings, rest, intake, functions }: DashboardProps) {
    super(scope, id)
    const board = new CloudWatchDashboard(this, 'Board', { dashboardName: `driveway-${settings.stage}` })
    const sum = (name: MetricName) => stageMetric(settings, name, five).with({ label: name })
    const each = (name: MetricName, statistic: string) => bySearch(settings, name, statistic)
    const ofFunctions = (pick: (fn: DrivewayFunction) => Metric) =>
      functions.map((fn) => pick(fn).with({ label: fn.functionName }))
    board.addWidgets(
      graph('Requests and gateway errors', [
        rest.metricCount({ period: five, statistic: Stats.SUM, label: 'requests' }),
        rest.metricClientError({ period: five, statistic: Stats.SUM, label: '4xx' }),
        rest.metricServerError({ period: five, statistic: Stats.SUM, label: '5xx' }),
      ]),
      graph('API latency, ms', [
        rest.metricLatency({ period: five, statistic: Stats.p(50), label: 'median' }),
        rest.metricLatency({ period: five, statistic: Stats.p(99), label: 'p99' }),
      ]),
      graph('Errors by code', [each('Errors', 'Sum')]),
    )
    board.addWidgets(
      graph('Provider latency, p90 ms', [each('ProviderLatency', 'p90')]),
      graph('Provider errors', [each('ProviderErrors', 'Sum'), sum('ProviderThrottles')]),
      graph('Tokens', [sum('Refreshes'), sum('ReauthRequired'), sum('OperatorFaults')]),
    )
    board.addWidgets(
      graph('Bytes', [sum('BytesSent'), sum('BytesReceived')]),
      graph('Transfers', [
        sum('TransfersStored'),
        sum('TransfersFailed'),
        sum('TransfersParked'),
        sum('TransfersSwept'),
      ]),
      graph('Intake', [
        ...(['arrivals', 'short', 'long'] as const).flatMap((queue) => [
          intake[queue].metricApproximateNumberOfMessagesVisible({
            period: five,
            label: `${queue}: waiting`,
          }),
          intake[queue].metricApproximateNumberOfMessagesNotVisible({
            period: five,
            label: `${queue}: under way`,
          }),
        ]),
        intake.deadLetters.metricApproximateNumberOfMessagesVisible({ period: five, label: 'dead letters' }),
      ]),
    )
    board.addWidgets(
      graph(
        'Function time, p90 ms',
        ofFunctions((fn) => fn.lambda.metricDuration({ period: five, statistic: Stats.p(90) })),
      ),
      graph(
        'Function failures',
        ofFunctions((fn) => fn.lambda.metricErrors({ period: five, statistic: Stats.SUM })),
      ),
      graph('Functions at once', [
        new Metric({
          namespace: 'AWS/Lambda',
          metricName: 'ConcurrentExecutions',
          period: five,
          statistic: Stats.MAXIMUM,
        }),
        new Metric({ namespace: 'AWS/Lambda', metricName: 'Throttles', period: five, statistic: Stats.SUM }),
      ]),
    )
  }
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 8, height: 6, liveData: true })
}

/** Every combination of the metric's dimensions, also those that come later. */
function bySearch(settings: Settings, name: MetricName, statistic: string): MathExpression {
  const query = `Namespace="${metricNamespace}" MetricName="${name}" stage="${settings.stage}"`
  return new MathExpression({
    expression: `SEARCH('${query}', '${statistic}', ${five.toSeconds()})`,
    usingMetrics: {},
    label: '',
    period: five,
  })
}
