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

export type Dimensions = Readonly<Record<string, string>>
type Unit = 'Count' | 'Milliseconds' | 'Bytes'

export const metricNamespace = 'Driveway'

function emit(name: MetricName, value: number, unit: Unit, dimensions: Dimensions): void {
  // Metrics are for deployments; a test's or a laptop's output stays readable.
  if (process.env['AWS_LAMBDA_FUNCTION_NAME'] === undefined) return
  const all = { stage: process.env['STAGE'] ?? 'local', ...dimensions }
  const line = {
    _aws: {
      Timestamp: Date.now(),
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
  process.stdout.write(`${JSON.stringify(line)}\n`)
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
