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

export type Dimensions = Readonly<Record<string, string>>
type Unit = 'Count' | 'Milliseconds' | 'Bytes'

export const metricNamespace = 'Driveway'

function emit(name: MetricName, value: number, unit: Unit, dimensions: Dimensions): void {
  // Metrics are for deployments; a test's or a laptop's output stays readable.
  const to = output()
  const { clock, settings } = to
  if (settings['AWS_LAMBDA_FUNCTION_NAME'] === undefined) return
  const all = { stage: settings['STAGE'] ?? 'local', ...dimensions }
  const line = {
    _aws: {
      Timestamp: clock.now(),
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [['stage'], Object.keys(all)],
          Metrics: [{ Name: name, Unit: unit }],
        },
      ],
    },
    ...all,
    [name]: value,
  }
  to.write(`${JSON.stringify(line)}\n`, 'stdout')
}

/** Adds `value` to a counter. Dimensions come from small closed sets (provider, operation, code). */
export function count(name: MetricName, dimensions: Dimensions = {}, value = 1): void {
  emit(name, value, 'Count', dimensions)
}

/** Records a duration in milliseconds. */
export function observe(name: MetricName, milliseconds: number, dimensions: Dimensions = {}): void {
  emit(name, milliseconds, 'Milliseconds', dimensions)
}

/** Adds to a counter of bytes. */
export function countBytes(name: MetricName, bytes: number, dimensions: Dimensions = {}): void {
  emit(name, bytes, 'Bytes', dimensions)
}
