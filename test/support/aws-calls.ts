import type { OutgoingHttpHeaders } from 'node:http'

/** An AWS call as IAM sees it. */
export interface AwsCall {
  readonly action: string
  readonly resource: string
}

/** What tells an AWS call: of a request that was received, or of one that is being sent. */
export interface AwsRequest {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: OutgoingHttpHeaders
}

/**
 * The service that a request is signed for:
 * `Credential=key/date/region/service/aws4_request`; empty for none of AWS.
 */
export function serviceOf({ path, headers }: Pick<AwsRequest, 'path' | 'headers'>): string {
  const credential =
    /Credential=([^,]+)/.exec(headers['authorization'] ?? '')?.[1] ??
    new URL(path ?? '/', 'http://local').searchParams.get('X-Amz-Credential') ??
    ''
  return credential.split('/').at(-2) ?? ''
}

/** What a signed request asks of AWS; nothing for a request that is none of AWS. */
export function awsCalls(request: AwsRequest, body: Buffer): AwsCall[] {
  const service = serviceOf(request)
  if (service === '') return []
  return service === 's3' ? [s3Call(request)] : jsonCalls(request, body)
}

/** The name without the address: a queue's URL ends with it. */
function lastPart(url: string): string {
  return url.split('/').at(-1) ?? url
}

function jsonCalls({ headers }: AwsRequest, body: Buffer): AwsCall[] {
  const [target = '', operation = ''] = String(headers['x-amz-target'] ?? '').split('.')
  const input: Record<string, unknown> = JSON.parse(body.toString('utf8') || '{}')
  const text = (name: string): string => {
    const value = input[name]
    return typeof value === 'string' ? value : ''
  }
  if (target.startsWith('DynamoDB')) {
    if (operation === 'TransactWriteItems') return transactionCalls(input)
    if (operation === 'BatchGetItem')
      return Object.keys(input['RequestItems'] ?? {}).map((name) => ({
        action: 'dynamodb:BatchGetItem',
        resource: name,
      }))
    const index = input['IndexName'] === undefined ? '' : `/index/${text('IndexName')}`
    return [{ action: `dynamodb:${operation}`, resource: `${text('TableName')}${index}` }]
  }
  if (target === 'secretsmanager') {
    return [{ action: `secretsmanager:${operation}`, resource: text('SecretId') || text('Name') }]
  }
  if (target === 'AmazonSQS') {
    // A batch needs the right to the single action.
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    return [{ action: `sqs:${operation.replace(/Batch$/, '')}`, resource: lastPart(text('QueueUrl')) }]
  }
  const entries = (input['Entries'] ?? []) as readonly { readonly EventBusName?: string }[]
  return entries.map((entry) => ({ action: `events:${operation}`, resource: entry.EventBusName ?? '' }))
}

/**
 * A transaction needs the right to each of its actions.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
 */
function transactionCalls({ TransactItems = [] }: Record<string, unknown>): AwsCall[] {
  const names: Readonly<Record<string, string>> = {
    Put: 'PutItem',
    Update: 'UpdateItem',
    Delete: 'DeleteItem',
    ConditionCheck: 'ConditionCheckItem',
  }
  return (TransactItems as readonly Readonly<Record<string, { readonly TableName: string }>>[]).flatMap(
    (item) =>
      Object.entries(item).map(([kind, { TableName }]) => ({
        action: `dynamodb:${names[kind] ?? kind}`,
        resource: TableName,
      })),
  )
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html */
function s3Call({ method, path }: AwsRequest): AwsCall {
  const url = new URL(path ?? '/', 'http://local')
  const [, bucket = '', ...key] = url.pathname.split('/')
  const has = (name: string): boolean => url.searchParams.has(name)
  if (key.join('/') === '') {
    const listed = has('versions') ? 'BucketVersions' : has('uploads') ? 'BucketMultipartUploads' : 'Bucket'
    return { action: `s3:List${listed}`, resource: bucket }
  }
  const resource = `${bucket}/*`
  switch (method ?? 'GET') {
    case 'GET':
    case 'HEAD':
      if (has('uploadId')) return { action: 's3:ListMultipartUploadParts', resource }
      return { action: has('tagging') ? 's3:GetObjectTagging' : 's3:GetObject', resource }
    case 'DELETE':
      if (has('uploadId')) return { action: 's3:AbortMultipartUpload', resource }
      return { action: has('versionId') ? 's3:DeleteObjectVersion' : 's3:DeleteObject', resource }
    default:
      return { action: has('tagging') ? 's3:PutObjectTagging' : 's3:PutObject', resource }
  }
}
