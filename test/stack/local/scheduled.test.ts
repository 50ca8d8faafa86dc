import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { localTableName } from '../../../local/environment.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { StackControl } from '../../support/stack-control.ts'
import { stackControl } from '../../support/stack-control.ts'

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

it('runs a scheduled function once, now, and answers when it is done', async () => {
  const [connection] = await control.scan('connections')
  const { userKey, connectionId } = connection ?? {}
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' }
  const client = new DynamoDBClient({ endpoint: stack.at(4), region: 'eu-central-1', credentials })
  await DynamoDBDocumentClient.from(client).send(
    new UpdateCommand({
      TableName: localTableName('connections'),
      Key: { userKey, connectionId },
      UpdateExpression: 'SET idleSince = :long',
      ExpressionAttributeValues: { ':long': '2020-01-01T00:00:00.000Z' },
    }),
  )
  client.destroy()
  expect(await run('keep-alive')).toEqual([200, { ran: true }])
  const [after] = await control.scan('connections')
  expect(after).not.toHaveProperty('idleSince')
  expect(await run('sweep-transfers')).toEqual([200, { ran: true }])
})

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
