import { describe, expect, test } from 'vitest'
import { announcedKey, readIntakeKey } from '../../../lib/transfer/intake-key.ts'
import type { Deferral, Handled } from '../../../lib/queue/batch.ts'
import { handleBatch, handleMessage } from '../../../lib/queue/batch.ts'
import { objectCreatedBody, parseObjectCreated } from '../../../lib/queue/object-created.ts'
import { parseRowMessage, rowMessage } from '../../../lib/queue/row-message.ts'

const record = (name: string, key: string) => ({
  eventVersion: '2.3',
  eventSource: 'aws:s3',
  eventName: name,
  s3: { bucket: { name: 'b' }, object: { key, size: 1, eTag: 'e', sequencer: '0A' } },
})

describe('an intake message', () => {
  test('names the key decoded, plus signs and percent signs included', () => {
    const body = JSON.stringify({ Records: [record('ObjectCreated:Put', 'u/c/a+b%2Bc%C3%A4%25.pdf')] })
    expect(parseObjectCreated(body)).toEqual([
      { bucket: 'b', key: 'u/c/a b+cä%.pdf', size: 1, etag: 'e', sequencer: '0A' },
    ])
  })

  test('that is S3’s test event announces nothing', () => {
    const body = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' })
    expect(parseObjectCreated(body)).toEqual([])
  })

  test('announces creations only', () => {
    const names = ['ObjectCreated:Post', 'ObjectRemoved:Delete', 's3:ObjectCreated:CompleteMultipartUpload']
    const body = JSON.stringify({ Records: names.map((name, index) => record(name, `k${String(index)}`)) })
    expect(parseObjectCreated(body).map(({ key }) => key)).toEqual(['k0', 'k2'])
  })

  test('may say null where S3 leaves out what does not apply, as servers that speak its words do', () => {
    const told = (name: string, key: string) => ({
      ...record(name, key),
      s3: { bucket: { name: 'b' }, object: { key, size: null, eTag: null, sequencer: null } },
    })
    const body = JSON.stringify({
      Records: [told('ObjectRemoved:Delete', 'k'), told('ObjectCreated:Put', 'l')],
    })
    expect(parseObjectCreated(body)).toEqual([{ bucket: 'b', key: 'l' }])
  })

  test('that is no JSON is refused', () => {
    expect(() => parseObjectCreated('{')).toThrow(SyntaxError)
  })

  test.each(['{}', '[]', '{"Records":[{}]}', '{"Records":[{"eventSource":"aws:sns"}]}'])(
    'refuses %s',
    (body) => {
      expect(() => parseObjectCreated(body)).toThrow('Not an S3 notification')
    },
  )

  test('that we send ourselves reads as one of S3', () => {
    const object = { bucket: 'b', key: 'u/c/ä b+c%.pdf', etag: 'e', sequencer: '1F' }
    expect(parseObjectCreated(objectCreatedBody(object, 0))).toEqual([object])
  })

  test('comes back when one of its objects has to, as soon as the first of them', async () => {
    const body = JSON.stringify({
      Records: ['k1', 'k2', 'k3'].map((key) => record('ObjectCreated:Put', key)),
    })
    const seen: string[] = []
    const handled = await handleMessage(
      { messageId: 'm', body },
      {
        look: () => Promise.reject(new Error('It asks for no row.')),
        walk: () => Promise.reject(new Error('It asks for no connection.')),
        ingest({ key }) {
          seen.push(key)
          return Promise.resolve(
            key === 'k1' ? { kind: 'done' } : { kind: 'again', afterSeconds: key === 'k2' ? 30 : 5 },
          )
        },
      },
    )
    expect(seen).toEqual(['k1', 'k2', 'k3'])
    expect(handled).toEqual({ kind: 'again', afterSeconds: 5 })
  })
})

const drops = (key: string) => {
  const named = readIntakeKey(key)
  return 'drops' in named ? named.drops : expect.unreachable()
}

describe('an intake key', () => {
  const parts = (key: string) => drops(key).map(({ documentId, extension }) => [documentId, extension])

  test.each([
    [
      'u/c/report.pdf',
      [
        ['report', '.pdf'],
        ['report.pdf', ''],
      ],
    ],
    ['u/c/report', [['report', '']]],
    [
      'u/c/a.b.c',
      [
        ['a.b', '.c'],
        ['a.b.c', ''],
      ],
    ],
    ['u/c/report.', [['report.', '']]],
    ['u/c/report.not-an-extension', [['report.not-an-extension', '']]],
  ])('%s reads as %j', (key, expected) => {
    expect(parts(key)).toEqual(expected)
  })

  test.each([
    '',
    'u',
    'u/c',
    'u/c/',
    'u/c/.pdf',
    'u/c/d/e',
    '/c/d',
    'u//d',
    'ü/c/d',
    'u/c!/d',
    'u/c/d e',
    `u/c/${'d'.repeat(129)}`,
  ])('%s does not fit the scheme', (key) => {
    expect(drops(key)).toEqual([])
  })

  test('of an announced upload names its change, and nothing that another system drops does', () => {
    const changeId = '0b6ad1d4-4a4f-4a8e-9f0c-3d1f9b2f7a11'
    const [where] = drops('user/connection/report')
    if (!where) expect.unreachable()
    const { userKey, connectionId, documentId } = where
    const announced = { userKey, connectionId, documentId, changeId }
    expect(readIntakeKey(announcedKey(announced))).toEqual({ announced })
    for (const key of ['u/c/d/~', 'u/c/d/~x', `u/c/d/${changeId}`, `u/c/d/~${changeId}/e`])
      expect(readIntakeKey(key)).toEqual({ drops: [] })
  })
})

test('a message that asks to look at a row names it, and no object; any other names none', () => {
  const [where] = drops('user/connection/report')
  if (!where) expect.unreachable()
  const { userKey, documentId } = where
  expect(parseRowMessage(rowMessage({ userKey, documentId }))).toEqual({ userKey, documentId })
  expect(parseRowMessage(objectCreatedBody({ bucket: 'b', key: 'k' }, 0))).toBeUndefined()
  expect(parseRowMessage('{"look":{"userKey":"a/b","documentId":"d"}}')).toBeUndefined()
})

describe('a batch', () => {
  const message = (messageId: string, receiveCount = 1) => ({
    messageId,
    receiptHandle: `r-${messageId}`,
    body: messageId,
    eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:driveway-intake-short',
    attributes: { ApproximateReceiveCount: String(receiveCount) },
  })
  const run = async (records: unknown[], handle: (body: string) => Promise<Handled>) => {
    const put: string[] = []
    const deferral: Deferral = {
      hide: ({ messageId }, seconds) =>
        Promise.resolve(void put.push(`hide ${messageId} ${String(seconds)}`)),
      renew: ({ messageId }, seconds) =>
        Promise.resolve(void put.push(`renew ${messageId} ${String(seconds)}`)),
    }
    const answer = await handleBatch({ Records: records }, deferral, ({ body }) => handle(body))
    return { put, failed: answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) }
  }

  test('fails only the records that fail, malformed ones included', async () => {
    const { failed } = await run([message('a'), { messageId: 'b' }, message('c'), message('d')], (body) =>
      body === 'c' ? Promise.reject(new Error('no')) : Promise.resolve({ kind: 'done' }),
    )
    expect(failed).toEqual(['b', 'c'])
  })

  test('hides what has to wait, for as long as it has to', async () => {
    const { failed, put } = await run([message('a'), message('b')], (body) =>
      Promise.resolve(
        body === 'a' ? { kind: 'again', afterSeconds: 40.2 } : { kind: 'again', afterSeconds: 99_999 },
      ),
    )
    expect(failed).toEqual(['a', 'b'])
    expect(put).toEqual(['hide a 41', 'hide b 43200'])
  })

  test('sends anew what has waited often, so that waiting never ends in the dead-letter queue', async () => {
    const { failed, put } = await run([message('a', 3)], () =>
      Promise.resolve({ kind: 'again', afterSeconds: 2000 }),
    )
    expect(failed).toEqual([])
    expect(put).toEqual(['renew a 900'])
  })

  test('handles its records at the same time: a slow one holds up no other', async () => {
    let release: (value: Handled) => void = () => undefined
    const slow = new Promise<Handled>((resolve) => {
      release = resolve
    })
    const { failed } = await run([message('slow'), message('quick')], (body) => {
      if (body === 'slow') return slow
      release({ kind: 'done' })
      return Promise.resolve({ kind: 'done' })
    })
    expect(failed).toEqual([])
  })
})
