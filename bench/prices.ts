/**
 * List prices in US dollars, region us-east-1, as AWS's price pages had them in late 2025.
 * They change; the script's numbers are only as good as these. https://aws.amazon.com/pricing/
 */
export const pricesFrom = 'us-east-1, list prices of late 2025'

const million = 1_000_000

export const prices = {
  /** API Gateway REST, a request (the first 333 million a month). */
  apiRequest: 3.5 / million,
  /** Lambda on arm64. */
  lambdaRequest: 0.2 / million,
  lambdaGbSecond: 0.000_013_333_4,
  /** DynamoDB on demand: a consistent read of up to 4 KB, a write of up to 1 KB. */
  dynamoRead: 0.125 / million,
  dynamoWrite: 0.625 / million,
  secretCall: 0.05 / 10_000,
  secretMonth: 0.4,
  kmsCall: 0.03 / 10_000,
  kmsKeyMonth: 1,
  s3Put: 0.005 / 1_000,
  s3Get: 0.0004 / 1_000,
  sqsCall: 0.4 / million,
  event: 1 / million,
  logGb: 0.5,
  outGb: 0.09,
  metricMonth: 0.3,
  alarmMonth: 0.1,
  /** A million traces. */
  trace: 5 / million,
  storedGb: 0.25,
  /** Point-in-time recovery. */
  backupGb: 0.2,
} as const
