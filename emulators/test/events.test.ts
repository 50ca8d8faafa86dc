import { PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { expect, test } from 'vitest'
import { startSecretsManager } from '../secrets-manager/server.ts'
import { closeAfterTest, eventsClient, temporaryDirectory } from './support.ts'

const start = async (options: { stateDir?: string; eventCapacity?: number } = {}) => {
  const stateDir = options.stateDir ?? (await temporaryDirectory())
  const capacity = options.eventCapacity === undefined ? {} : { eventCapacity: options.eventCapacity }
  const server = closeAfterTest(await startSecretsManager({ port: 0, stateDir, ...capacity }))
  const client = eventsClient(server.endpoint)
  const put = (...numbers: number[]) =>
    client.send(
      new PutEventsCommand({
        Entries: numbers.map((n) => ({
          Source: 'driveway',
          DetailType: 'Document Stored',
          Detail: JSON.stringify({ n }),
        })),
      }),
    )
  const list = async (since = 0): Promise<{ sequence: number; detail: { n: number } }[]> => {
    const response = await fetch(`${server.endpoint}/_local/events?since=${since}`)
    return (await response.json()) as { sequence: number; detail: { n: number } }[]
  }
  return { server, stateDir, client, put, list }
}

/** Reads the stream until it has brought `count` events, then leaves. */
const follow = async (
  endpoint: string,
  count: number,
  headers: Record<string, string>,
  onOpen: () => Promise<unknown>,
) => {
  const leave = new AbortController()
  const response = await fetch(`${endpoint}/_local/events/stream`, { headers, signal: leave.signal })
  await onOpen()
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if ((text.match(/^data: .*\n\n/gm) ?? []).length >= count) break
  }
  leave.abort()
  return {
    type: response.headers.get('content-type'),
    ids: [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1])),
    numbers: [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] ?? '').detail.n),
  }
}

test('events are kept as EventBridge hands them over, and listed from where one was', async () => {
  const { client, list, put } = await start()
  const answer = await client.send(
    new PutEventsCommand({
      Entries: [
        {
          Source: 'driveway',
          DetailType: 'Document Stored',
          Detail: '{"n":1}',
          Resources: ['arn:x'],
          Time: new Date('2026-01-02T03:04:05Z'),
          EventBusName: 'driveway',
        },
      ],
    }),
  )
  expect(answer.FailedEntryCount).toBe(0)
  expect(await list()).toEqual([
    {
      sequence: 1,
      version: '0',
      id: answer.Entries?.[0]?.EventId,
      'detail-type': 'Document Stored',
      source: 'driveway',
      account: '000000000000',
      time: '2026-01-02T03:04:05.000Z',
      region: expect.any(String),
      resources: ['arn:x'],
      detail: { n: 1 },
    },
  ])
  await put(2, 3)
  expect((await list(1)).map((event) => event.detail.n)).toEqual([2, 3])
})

test('a bad entry fails alone, too much at once fails whole', async () => {
  const { client, list } = await start()
  const { FailedEntryCount, Entries } = await client.send(
    new PutEventsCommand({
      Entries: [
        { Source: 'driveway', DetailType: 'x', Detail: 'not json' },
        { Source: 'driveway', DetailType: 'x', Detail: '[1]' },
        { DetailType: 'x', Detail: '{}' },
        { Source: 'driveway', DetailType: 'x', Detail: '{"n":1}' },
      ],
    }),
  )
  expect(FailedEntryCount).toBe(3)
  expect(Entries?.map((entry) => entry.ErrorCode)).toEqual([
    'MalformedDetail',
    'MalformedDetail',
    'InvalidArgument',
    undefined,
  ])
  expect(await list()).toHaveLength(1)
  const Detail = JSON.stringify({ text: 'x'.repeat(256 * 1024) })
  const large = client.send(
    new PutEventsCommand({ Entries: [{ Source: 'driveway', DetailType: 'x', Detail }] }),
  )
  await expect(large).rejects.toMatchObject({ name: 'ValidationException' })
})

test('the log keeps the newest, survives a restart, and numbers on after a clear', async () => {
  const first = await start({ eventCapacity: 3 })
  await first.put(1, 2, 3, 4, 5)
  await first.server.close()
  const second = await start({ stateDir: first.stateDir, eventCapacity: 3 })
  expect((await second.list()).map((event) => event.detail.n)).toEqual([3, 4, 5])
  await fetch(`${second.server.endpoint}/_local/events`, { method: 'DELETE' })
  expect(await second.list()).toEqual([])
  await second.put(6)
  expect((await second.list()).map((event) => event.sequence)).toEqual([6])
})

test('the stream brings what is new, and after a break what was missed', async () => {
  const { server, put } = await start()
  await put(1)
  const first = await follow(server.endpoint, 2, {}, () => put(2, 3))
  expect(first).toEqual({ type: 'text/event-stream', ids: [2, 3], numbers: [2, 3] })
  await put(4)
  const second = await follow(server.endpoint, 3, { 'last-event-id': '2' }, () => put(5))
  expect(second.numbers).toEqual([3, 4, 5])
})
