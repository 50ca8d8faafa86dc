import { output } from './output.ts'

/**
 * CloudWatch metrics as log lines in the embedded metric format: no call, no agent.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export type MetricName =
  | 'Errors'
  | 'OperatorFaults'
  | 'ProviderLatency'
  | 'ProviderBytes'
  | 'ProviderErrors'
  | 'ProviderThrottles'
  | 'BytesSent'
  | 'Refreshes'
  | 'ReauthRequired'
  | 'TransfersStored'
  | 'TransfersFailed'
  | 'TransfersParked'
  | 'TransfersSwept'
  | 'VaultInconsistent'

/** What a line says beside its value, to be counted by Logs Insights: a metric of each would be paid for. */
export type Details = Readonly<Record<string, string>>
type Unit = 'Count' | 'Milliseconds' | 'Bytes'

export const metricNamespace = 'Driveway'

/** Tells several values of one moment in one line, which is paid for by its bytes. */
export function measure(
  values: Readonly<Partial<Record<MetricName, readonly [value: number, unit: Unit]>>>,
  details: Details = {},
): void {
  // Metrics are for deployments; a test's or a laptop's output stays readable.
  const to = output()
  const { clock, settings } = to
  if (settings['AWS_LAMBDA_FUNCTION_NAME'] === undefined) return
  const all = Object.entries(values)
  const Metrics = all.map(([Name, [, Unit]]) => ({ Name, Unit }))
  const line = {
    _aws: {
      Timestamp: clock.now(),
      CloudWatchMetrics: [{ Namespace: metricNamespace, Dimensions: [['stage']], Metrics }],
    },
    stage: settings['STAGE'] ?? 'local',
    ...details,
    ...Object.fromEntries(all.map(([name, [value]]) => [name, value])),
  }
  to.write(`${JSON.stringify(line)}\n`, 'stdout')
}

/** Adds `value` to a counter. Details come from small closed sets (provider, operation, code). */
export function count(name: MetricName, details: Details = {}, value = 1): void {
  measure({ [name]: [value, 'Count'] }, details)
}
