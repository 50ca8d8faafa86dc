import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { documentStore } from '../../../lib/catalog/documents.ts'
import type { Enqueue } from '../../../lib/intake/enqueue.ts'
import { sqsEnqueue } from '../../../lib/intake/enqueue.ts'
import type { SortDeps } from '../../../lib/intake/sort.ts'
import { sortArrivals } from '../../../lib/intake/sort.ts'
import { sqsDeferral } from '../../../lib/queue/deferral.ts'
import { objectCreatedBody } from '../../../lib/queue/object-created.ts'
import { parseUserKey, randomId } from '../../../lib/ids.ts'
import type { Clients, MovableClock } from '../../support/intake-world.ts'
import { movableClock, openClients, startWorld } from '../../support/intake-world.ts'

const megabyte = 1024 * 1024
let world: Awaited<ReturnType<typeof startWorld>>
let clients: Clients
let clock: MovableClock
let deps: SortDeps

beforeAll(async () => {
  world = await startWorld()
  clients = openClients(world.endpoints)
})
afterAll(async () => {
  clients.close()
  await world.close()
})
beforeEach(() => {
  clock = movableClock()
  const to = (url: string) =>
    sqsEnqueue(
      () => Promise.resolve(clients.sqs),
      () => url,
    )
  deps = {
    clock,
    documents: documentStore(clients.dynamo, 'documents', () => clock.now(), randomId),
    lanes: { short: to(world.endpoints.shortQueueUrl), long: to(world.endpoints.longQueueUrl) },
    workers: 8,
    given: new Map(),
  }
})

const arrival = (key: string, size = 10) => ({
  messageId: key,
  body: objectCreatedBody({ bucket: 'driveway-intake', key, size }, clock.now()),
})
const sorted = async (records: readonly object[], given: SortDeps = deps) => {
  const { batchItemFailures } = await sortArrivals(given, { Records: records })
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
}

async function taken(QueueUrl: string): Promise<string[]> {
  const found: string[] = []
  for (;;) {
    const { Messages = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['All'],
      }),
    )
    if (Messages.length === 0) return found.sort()
    for (const { Body = '', Attributes } of Messages) {
      const key = /"key":"([^"]+)"/.exec(Body)?.[1] ?? Body
      found.push(`${key} of ${Attributes?.MessageGroupId ?? 'nobody'}`)
    }
  }
}
const short = () => taken(world.endpoints.shortQueueUrl)
const long = () => taken(world.endpoints.longQueueUrl)

test('an object goes into the short lane in its user’s name, one over 32 MiB into the long one', async () => {
  const records = [
    arrival('u1/c/a', 32 * megabyte),
    arrival('u2/c/b', 32 * megabyte + 1),
    arrival('not a user/x'),
  ]
  expect(await sorted(records)).toEqual([])
  expect(await short()).toEqual(['not+a+user/x of nobody', 'u1/c/a of u1'])
  expect(await long()).toEqual(['u2/c/b of u2'])
})

test('a burst of one user fills a quarter of the short lane, and others go past it', async () => {
  expect(await sorted([1, 2, 3, 4].map((n) => arrival(`big/c/${String(n)}`)))).toEqual([])
  expect(await sorted([arrival('big/c/5'), arrival('small/c/1')])).toEqual([])
  expect(await short()).toEqual(['big/c/1 of big', 'big/c/2 of big', 'small/c/1 of small'])
  expect(await long()).toEqual(['big/c/3 of big', 'big/c/4 of big', 'big/c/5 of big'])
  clock.advance(5_001)
  expect(await sorted([arrival('big/c/6')])).toEqual([])
  expect(await short()).toEqual(['big/c/6 of big'])
})

test('who has a quarter of the lane on their way goes on in the long lane', async () => {
  const countOfUser: SortDeps['documents']['countOfUser'] = (userKey, prefix, limit) =>
    Promise.resolve(userKey === 'busy' && prefix === 's#' ? limit : 0)
  expect(
    await sorted([arrival('busy/c/1'), arrival('idle/c/1')], { ...deps, documents: { countOfUser } }),
  ).toEqual([])
  expect([await short(), await long()]).toEqual([['idle/c/1 of idle'], ['busy/c/1 of busy']])
})

test('nobody waits for a count that cannot be had', async () => {
  const countOfUser = () => Promise.reject(new Error('throttled'))
  expect(await sorted([arrival('u/c/1')], { ...deps, documents: { countOfUser } })).toEqual([])
  expect(await short()).toEqual(['u/c/1 of u'])
})

test('only what was not passed on comes back', async () => {
  const refusesSecond: Enqueue = (messages) => Promise.resolve(messages.length > 1 ? [1] : [])
  const down: Enqueue = () => Promise.reject(new Error('no answer'))
  const records = [
    arrival('u1/c/a'),
    { messageId: 'odd', body: '{"what":1}' },
    arrival('u2/c/b'),
    arrival('u3/c/c', 33 * megabyte),
  ]
  expect(await sorted(records, { ...deps, lanes: { short: refusesSecond, long: down } })).toEqual([
    'odd',
    'u2/c/b',
    'u3/c/c',
  ])
})

test('what is put off stays in its lane and in its user’s name', async () => {
  const { shortQueueUrl, longQueueUrl } = world.endpoints
  const message = { messageId: 'm', receiptHandle: 'r', body: 'again', receiveCount: 3 }
  await sqsDeferral(clients.sqs, [shortQueueUrl, longQueueUrl]).renew(
    {
      ...message,
      queueArn: 'arn:aws:sqs:us-east-1:000000000000:driveway-intake-long',
      group: parseUserKey('u'),
    },
    0,
  )
  expect([await short(), await long()]).toEqual([[], ['again of u']])
})

test('a look at a row that an earlier version put among the arrivals goes on in the short lane', async () => {
  const body = '{"look":{"userKey":"u","documentId":"d"}}'
  expect(await sorted([{ messageId: 'look', body }])).toEqual([])
  expect(await short()).toEqual([`${body} of u`])
})
