/**
 * What each kind of access means in IAM's words. This file imports
 * nothing: tests hold what functions do against it.
 */

export const tableActions = {
  get: ['dynamodb:GetItem'],
  batchGet: ['dynamodb:BatchGetItem'],
  /** A condition in a transaction. */
  check: ['dynamodb:ConditionCheckItem'],
  put: ['dynamodb:PutItem'],
  update: ['dynamodb:UpdateItem'],
  delete: ['dynamodb:DeleteItem'],
  query: ['dynamodb:Query'],
  scan: ['dynamodb:Scan'],
} as const

export const streamActions = {
  read: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
  list: ['dynamodb:ListStreams'],
} as const

export const bucketActions = {
  get: ['s3:GetObject'],
  put: ['s3:PutObject'],
  delete: ['s3:DeleteObject'],
  forget: ['s3:DeleteObjectVersion'],
  upload: ['s3:PutObject', 's3:AbortMultipartUpload'],
  resume: ['s3:ListMultipartUploadParts'],
  abort: ['s3:AbortMultipartUpload'],
  tag: ['s3:GetObjectTagging', 's3:PutObjectTagging'],
} as const

/** Of the bucket itself, not of its objects. */
export const wholeBucketActions = {
  list: ['s3:ListBucket'],
  versions: ['s3:ListBucketVersions'],
  uploads: ['s3:ListBucketMultipartUploads'],
} as const

export const secretActions = {
  read: ['secretsmanager:GetSecretValue'],
  create: ['secretsmanager:CreateSecret', 'secretsmanager:TagResource'],
  delete: ['secretsmanager:DeleteSecret'],
} as const

export const queueActions = {
  send: ['sqs:SendMessage'],
  receive: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
  delay: ['sqs:ChangeMessageVisibility'],
} as const

export const busActions = { publish: ['events:PutEvents'] } as const
