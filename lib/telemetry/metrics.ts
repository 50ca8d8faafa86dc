import { output } from './output.ts'

/**
 * CloudWatch metrics as log lines in the embedded metric format: no call, no agent.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export type MetricName =
  | 'Requests'
  | 'Errors'
  | 'OperatorFaults'
  | 'ProviderLatency'
  | 'ProviderErrors'
  | 'ProviderThrottles'
  | 'BytesSent'
  | 'BytesReceived'
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

function emit(name: MetricName, value: number, unit: Unit, details: Details): void {
  // Metrics are for deployments; a test's or a laptop's output stays readable.
  const to = output()
  const { clock, settings } = to
  if (settings['AWS_LAMBDA_FUNCTION_NAME'] === undefined) return
  const line = {
    _aws: {
      Timestamp: clock.now(),
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [['stage']],
          Metrics: [{ Name: name, Unit: unit }],
        },
      ],
    },
    stage: settings['STAGE'] ?? 'local',
    ...details,
    [name]: value,
  }
  to.write(`${JSON.stringify(line)}\n`, 'stdout')
}

/** Adds `value` to a counter. Details come from small closed sets (provider, operation, code). */
export function count(name: MetricName, details: Details = {}, value = 1): void {
  emit(name, value, 'Count', details)
}

/** Records a duration in milliseconds. */
export function observe(name: MetricName, milliseconds: number, details: Details = {}): void {
  emit(name, milliseconds, 'Milliseconds', details)
}

/** Adds to a counter of bytes. */
export function countBytes(name: MetricName, bytes: number, details: Details = {}): void {
  emit(name, bytes, 'Bytes', details)
}
