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
import type { Settings } from '../settings.ts'
import { stageMetric } from './watches.ts'
import type { Intake } from './intake.ts'

export interface DashboardProps {
  readonly settings: Settings
  readonly rest: RestApi
  readonly intake: Intake
}

const five = Duration.minutes(5)
const transfers = ['TransfersStored', 'TransfersFailed', 'TransfersParked', 'TransfersSwept'] as const

/**
 * One page for the question "how is it going?": what callers see, what providers do, what the intake does.
 */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { settings, rest, intake }: DashboardProps) {
    super(scope, id)
    const board = new CloudWatchDashboard(this, 'Board', { dashboardName: `driveway-${settings.stage}` })
    const sum = (name: MetricName) => stageMetric(settings, name, five).with({ label: name })
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
      graph('Errors', [sum('Errors')]),
    )
    board.addWidgets(
      graph('Provider latency, p90 ms', [stageMetric(settings, 'ProviderLatency', five, Stats.p(90))]),
      graph('Provider errors', [sum('ProviderErrors'), sum('ProviderThrottles')]),
      graph('Tokens', [sum('Refreshes'), sum('ReauthRequired'), sum('OperatorFaults')]),
    )
    board.addWidgets(
      graph('Bytes', [sum('BytesSent'), sum('ProviderBytes')]),
      graph('Transfers', transfers.map(sum)),
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
      graph('Function time, p90 ms', [ofFunctions(settings, 'Duration', 'p90')]),
      graph('Function failures', [ofFunctions(settings, 'Errors', 'Sum')]),
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

/** Of every function of the stage, also of those that come later. */
function ofFunctions(settings: Settings, metricName: string, statistic: string): MathExpression {
  const query = `{AWS/Lambda,FunctionName} MetricName="${metricName}" FunctionName="driveway-${settings.stage}-"`
  return new MathExpression({
    expression: `SEARCH('${query}', '${statistic}', ${five.toSeconds()})`,
    usingMetrics: {},
    label: '',
  })
}
