import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { localTableName } from '../../../local/environment.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import type { DocumentAnswer } from '../../support/api.ts'
import { apiOf } from '../../support/api.ts'
import { driveUser } from '../../support/drive-user.ts'
import { must } from '../../support/intake-world.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { StackControl } from '../../support/stack-control.ts'
import { drives, stackControl } from '../../support/stack-control.ts'

let stack: LocalStack
let control: StackControl
beforeAll(async () => {
  stack = await startLocalStack({ env: { SWEEP_EVERY_MS: '3600000' } })
  control = stackControl(stack)
})
afterAll(async () => {
  control.close()
  await stack.dispose()
})

const run = async (name: string, method = 'POST') => {
  const answer = await fetch(`${stack.base}/local/run/${name}`, { method })
  return [answer.status, await answer.json()]
}

/** The connection that the stack begins with has something written into its row that is long past. */
const longAgo = async (what: 'idleSince' | 'dueAt'): Promise<void> => {
  const [connection] = await control.scan('connections')
  const { userKey, connectionId } = connection ?? {}
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' }
  const client = new DynamoDBClient({ endpoint: stack.at(4), region: 'eu-central-1', credentials })
  await DynamoDBDocumentClient.from(client).send(
    new UpdateCommand({
      TableName: localTableName('connections'),
      Key: { userKey, connectionId },
      UpdateExpression: 'SET #what = :long',
      ExpressionAttributeNames: { '#what': what },
      ExpressionAttributeValues: { ':long': '2020-01-01T00:00:00.000Z' },
    }),
  )
  client.destroy()
}

it('runs a scheduled function once, now, and answers when it is done', async () => {
  await longAgo('idleSince')
  expect(await run('keep-alive')).toEqual([200, { ran: true }])
  const [after] = await control.scan('connections')
  expect(after).not.toHaveProperty('idleSince')
  expect(await run('sweep-transfers')).toEqual([200, { ran: true }])
})

it('tells what a user does to a file in the drive', async () => {
  const api = await apiOf(stack.base, 'alice')
  const put = await api.request<DocumentAnswer>('PUT', '/v1/documents/theirs', { bytes: Buffer.from('x') })
  const { objectKey = '', connectionId } = put.body.document
  const look = async (): Promise<void> => {
    await longAgo('dueAt')
    expect(await run('follow-drives')).toEqual([200, { ran: true }])
  }
  await look()
  const [drive] = drives
  const [connection] = await control.scan('connections')
  const origin = stack.at(must(drive).offset)
  const bearer = await bearerOf(origin, String(connection?.['email']))
  await driveUser('google-drive', { origin, bearer: () => Promise.resolve(bearer) }).rename(
    objectKey,
    'mine.txt',
  )
  await look()
  const told = async () =>
    (await control.events(connectionId)).filter((event) => event['detail-type'] === 'Document Changed')
  await expect
    .poll(told, { timeout: 20_000 })
    .toMatchObject([{ detail: { documentId: 'theirs', change: 'renamed' } }])
})

/** A token of the account for all of its drive, as a page of the drive itself would have it. */
async function bearerOf(origin: string, account: string): Promise<string> {
  const redirect = 'http://127.0.0.1:9/callback'
  const client = { clientId: '7-page', clientSecret: 'of the page', redirectUris: [redirect] }
  await fetch(`${origin}/_sim/clients`, { method: 'POST', body: JSON.stringify(client) })
  const asked = new URLSearchParams({
    client_id: client.clientId,
    redirect_uri: redirect,
    response_type: 'code',
    scope: 'https://www.googleapis.com/auth/drive',
  })
  const decision = new URLSearchParams({ decision: 'approve', account })
  const consent = { method: 'POST', body: decision, redirect: 'manual' } as const
  const answer = await fetch(`${origin}/o/oauth2/v2/auth?${asked.toString()}`, consent)
  const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirect,
    client_id: client.clientId,
    client_secret: client.clientSecret,
  })
  const tokens = (await (await fetch(`${origin}/token`, { method: 'POST', body: form })).json()) as {
    readonly access_token: string
  }
  return `Bearer ${tokens.access_token}`
}

it('runs nothing else', async () => {
  for (const name of ['put-document', 'tell', 'nobody', 'toString'])
    expect(await run(name)).toEqual([
      404,
      {
        error: 'no schedule starts such a function',
        functions: ['sweep-transfers', 'keep-alive', 'pack-grants', 'erase-users', 'follow-drives'],
      },
    ])
  expect((await run('keep-alive', 'GET'))[0]).toBe(404)
})
