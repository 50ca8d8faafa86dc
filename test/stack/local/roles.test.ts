import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Api } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { refusedCalls } from '../../support/roles.ts'

/**
 * Every test that starts a local stack holds what its functions ask of AWS against
 * their roles. Here: that it sees them, and would notice.
 */

let stack: LocalStack
let api: Api
beforeAll(async () => {
  stack = await startLocalStack()
  api = await apiOf(stack.base, 'watched')
})
afterAll(() => stack.dispose())

test('what a function asks of AWS is seen under its name, also in the worker and on its way to S3', async () => {
  const connectionId = await connect(api, 's3', '')
  const put = await api.request('PUT', '/v1/documents/seen', { bytes: Buffer.from('x') })
  expect(put.status).toBe(201)
  const started = await api.request<{ upload: { url: string; headers: Record<string, string> } }>(
    'POST',
    '/v1/documents/seen-too/intake',
    { json: { connectionId, contentType: 'text/plain', size: 1 } },
  )
  const { url, headers } = started.body.upload
  expect((await fetch(url, { method: 'PUT', headers, body: 'x' })).status).toBe(200)
  await expect
    .poll(() => stack.awsCalls(), { timeout: 25_000 })
    .toEqual(
      expect.arrayContaining([
        'start-connection dynamodb:PutItem driveway-local-connections',
        'put-document dynamodb:BatchGetItem driveway-local-documents',
        'put-document dynamodb:Query driveway-local-connections',
        'put-document s3:PutObject driveway-storage/*',
        'ingest-object s3:GetObject driveway-intake/*',
        'tell events:PutEvents driveway',
        'sort-intake sqs:SendMessage driveway-intake-short',
        'ingest-object sqs:DeleteMessage driveway-intake-short',
      ]),
    )
  expect(refusedCalls(stack.awsCalls())).toEqual([])
})

test.each([
  'get-connection dynamodb:PutItem driveway-local-connections',
  'list-documents dynamodb:Query driveway-local-connections',
  'put-document dynamodb:Query driveway-local-documents/index/parked',
  'stat-document s3:PutObject driveway-storage/*',
  'get-document s3:GetObject driveway-intake/*',
  'check-health secretsmanager:DeleteSecret driveway/local/connections/1',
  'oauth-callback secretsmanager:GetSecretValue driveway/local/oauth/google',
  'list-connections sqs:SendMessage driveway-intake-events',
  'no-such-function dynamodb:GetItem driveway-local-connections',
])('a role that lacks a right is noticed: %s', (call) => {
  expect(refusedCalls([call])).toEqual([call])
})
