import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Dynamo } from '../../../lib/aws/dynamo.ts'
import { GetCommand } from '../../../lib/aws/dynamo.ts'
import { createTables } from '../../../emulators/tables.ts'
import { startAwsStack } from '../../../emulators/stack.ts'
import type { Change, DocumentRow } from '../../../lib/catalog/document.ts'
import { isDeleted, openOf, statusOf } from '../../../lib/catalog/document.ts'
import type { DocumentStore } from '../../../lib/catalog/documents.ts'
import { documentStore } from '../../../lib/catalog/documents.ts'
import { tables } from '../../../lib/contract/tables.ts'
import type { ConnectionId, DocumentId, Extension, ObjectKey } from '../../../lib/ids.ts'
import { userId, userKeyOf } from '../../../lib/ids.ts'
import { dynamoAt } from '../../support/aws-caller.ts'

let close: () => Promise<void>
let client: Dynamo
let store: DocumentStore
let time = Date.parse('2026-01-01T00:00:00Z')

beforeAll(async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'driveway-rows-'))
  const stack = await startAwsStack({ ports: { s3: 0, dynamoDb: 0, sqs: 0, secrets: 0 }, stateDir })
  await createTables(stack.dynamoDb, tables)
  client = dynamoAt(stack.dynamoDb)
  store = documentStore(client, 'documents', () => time, randomUUID)
  close = async () => {
    await stack.close()
    await rm(stateDir, { recursive: true, force: true })
  }
})
afterAll(() => close())

const ada = userId('ada')
let documents = 0
const keyOf = () => {
  documents += 1
  return { userKey: userKeyOf(ada), documentId: `doc-${String(documents)}` as DocumentId }
}
const connectionId = 'c1' as ConnectionId
const where = { connectionId, provider: 's3' as const, userId: ada }

function change(more: Partial<Change> = {}): Change {
  return {
    id: randomUUID(),
    owner: randomUUID(),
    door: 'put',
    state: 'sending',
    fence: 1,
    until: time + 1000,
    connectionId,
    provider: 's3',
    size: 3,
    contentType: 'text/plain',
    extension: '.txt' as Extension,
    startedAt: time,
    ...more,
  }
}

const claimed = async (key = keyOf(), more: Partial<Change> = {}): Promise<DocumentRow> => {
  const row = await store.claim(key, undefined, change(more), { changes: where })
  if (!row) throw new Error('The claim was refused.')
  return row
}

const standingOf = (row: DocumentRow, revision = 'r1') => ({
  changeId: row.change?.id ?? '',
  revision,
  size: 3,
  contentType: 'text/plain',
  extension: '.txt' as Extension,
})

const stored = async (key = keyOf()): Promise<DocumentRow> => {
  const row = await claimed(key)
  const last = {
    changeId: row.change?.id ?? '',
    outcome: 'stored' as const,
    at: new Date(time).toISOString(),
  }
  const settled = await store.settle(row, {
    changes: { standing: standingOf(row), objectKey: 'k1' as ObjectKey, change: undefined, last },
    event: { id: row.change?.id ?? '', type: 'Document Stored' },
  })
  if (!settled) throw new Error('It was not settled.')
  return settled
}

const item = async ({ userKey, documentId }: Pick<DocumentRow, 'userKey' | 'documentId'>) =>
  (
    await client.send(
      new GetCommand({ TableName: 'documents', Key: { userKey, documentId }, ConsistentRead: true }),
    )
  ).Item

describe('claiming a document', () => {
  it('lets one of many creates through', async () => {
    const key = keyOf()
    const claims = Array.from({ length: 8 }, () => store.claim(key, undefined, change(), { changes: where }))
    expect((await Promise.all(claims)).filter((row) => row !== undefined)).toHaveLength(1)
  })

  it('lets one of many replacements through, and none that has seen an older version', async () => {
    const seen = await stored()
    const claims = Array.from({ length: 6 }, () => store.claim(seen, seen, change({ fence: 2 }), {}))
    const won = (await Promise.all(claims)).filter((row) => row !== undefined)
    expect(won).toHaveLength(1)
    expect(await store.claim(seen, seen, change(), {})).toBeUndefined()
  })

  it.each<[string, Partial<Change>]>([
    ['a session', { session: { sealedUrl: 'sealed' } }],
    ['a name', { target: { kind: 'new', file: 'doc (1f0c9a2b).txt' } }],
    ['a key', { target: { kind: 'new', file: 'doc.txt', objectKey: 'k2' as ObjectKey } }],
    ['what its bytes hash to', { proof: { algorithm: 'md5', value: 'aa' } }],
    ['damage', { damaged: 1 }],
    ['other bytes', { source: { key: 'k', etag: 'e2', size: 3 } }],
  ])(
    'is refused when its worker has written of %s meanwhile, which would be forgotten',
    async (_what, patch) => {
      const seen = await claimed(keyOf(), {
        target: { kind: 'new', file: 'doc.txt' },
        source: { key: 'k', etag: 'e1', size: 3 },
      })
      const worked = await store.work(seen, patch)
      expect(await store.claim(seen, seen, change({ fence: 2 }), {})).toBeUndefined()
      expect(await store.claim(seen, worked, change({ fence: 2 }), {})).toMatchObject({
        change: { fence: 2 },
      })
    },
  )

  it('is refused when the drive’s version was seen to be another meanwhile', async () => {
    const seen = await stored()
    const standing = seen.standing && { ...seen.standing, revision: 'r2' }
    expect(await store.observe(seen, { standing })).toMatchObject({ standing: { revision: 'r2' } })
    expect(await store.claim(seen, seen, change(), {})).toBeUndefined()
    expect(await store.observe(seen, { standing })).toBeUndefined()
  })
})

describe('working on a change', () => {
  it('is refused to whoever holds an older fence', async () => {
    const old = await claimed()
    const taken = await store.work(old, { fence: 2, owner: 'another' })
    expect(taken?.change?.fence).toBe(2)
    expect(await store.work(old, { offset: 10 })).toBeUndefined()
    expect(await store.settle(old, { changes: { change: undefined } })).toBeUndefined()
    expect((await store.get(old))?.change).toMatchObject({ fence: 2, owner: 'another' })
  })

  it('takes an attribute away that is set to undefined', async () => {
    const row = await claimed(keyOf(), { offset: 5, hashState: 'x' })
    const worked = await store.work(row, { hashState: undefined })
    expect(worked?.change).toMatchObject({ offset: 5 })
    expect(worked?.change).not.toHaveProperty('hashState')
  })
})

describe('settling a change', () => {
  it('counts as done when its answer was lost and it is repeated', async () => {
    const row = await claimed()
    const id = row.change?.id ?? ''
    const last = { changeId: id, outcome: 'stored' as const, at: new Date(time).toISOString() }
    const end = {
      changes: { standing: standingOf(row), objectKey: 'k' as ObjectKey, change: undefined, last },
    }
    const first = await store.settle(row, end)
    expect(first?.standing?.changeId).toBe(id)
    expect(await store.settle(row, end)).toEqual(first)
  })

  it('does not count as done when somebody else has ended it in another way', async () => {
    const row = await claimed()
    const taken = await store.work(row, { fence: 2, owner: randomUUID() })
    if (!taken) throw new Error('It was not taken.')
    const ended = (outcome: 'failed' | 'stored') => ({
      change: undefined,
      last: { changeId: row.change?.id ?? '', outcome, at: new Date(time).toISOString() },
    })
    await store.settle(taken, { changes: ended('failed') })
    const end = { ...ended('stored'), standing: standingOf(row), objectKey: 'k' as ObjectKey }
    expect(await store.settle(row, { changes: end })).toBeUndefined()
    expect((await store.get(row))?.standing).toBeUndefined()
  })

  it('carries its event in the row, with a number, and the next write takes it off again', async () => {
    const row = await stored()
    const first = await item(row)
    expect(first).toMatchObject({ seq: 1, event: { type: 'Document Stored' } })
    await store.claim(row, row, change({ fence: 1 }), {})
    const second = await item(row)
    expect(second).not.toHaveProperty('event')
    expect(second).toMatchObject({ seq: 1 })
  })

  it('removes a deleted document, and is done when that was done', async () => {
    const row = await claimed(keyOf(), { door: 'delete' })
    expect(await store.drop(row)).toBe(true)
    expect(await store.drop(row)).toBe(true)
    expect(await store.get(row)).toBeUndefined()
  })
})

describe('a claim that is written again because its answer was lost', () => {
  it('does not begin anew what has ended meanwhile', async () => {
    const seen = await stored()
    const wanted = change()
    const claim = await store.claim(seen, seen, wanted, {})
    if (!claim) throw new Error('The claim was refused.')
    const ended = {
      changes: { change: undefined },
      event: { id: wanted.id, type: 'Document Failed' },
    }
    expect(await store.settle(claim, ended)).toMatchObject({ seq: seen.seq + 1 })
    expect(await store.claim(seen, seen, wanted, {})).toBeUndefined()
    expect((await store.get(seen))?.change).toBeUndefined()
  })
})

describe('what is left to be taken back', () => {
  const entry = (key: string) => ({ kind: 'object' as const, connectionId, key })

  it('comes and goes one by one, whoever tidies at the same time', async () => {
    const row = await stored()
    const left = await store.claim(row, row, change(), { leftovers: ['a', 'b', 'c', 'd'].map(entry) })
    const settled = left && (await store.settle(left, { changes: { change: undefined } }))
    const ids = Object.keys(settled?.remove ?? {})
    expect(ids).toHaveLength(4)
    if (!settled) throw new Error('It was not settled.')
    await Promise.all(ids.map((id) => store.tidied(settled, id)))
    const tidied = await store.get(row)
    expect(tidied?.remove).toEqual({})
    expect(await item(row)).not.toHaveProperty('open')
    expect(tidied?.standing?.revision).toBe('r1')
  })

  it('takes a deleted document’s row along with its last entry', async () => {
    const row = await claimed(keyOf(), { door: 'delete' })
    const left = await store.settle(row, {
      changes: { change: undefined },
      leftovers: [entry('a'), entry('b')],
    })
    if (!left) throw new Error('It was not settled.')
    expect(isDeleted(left)).toBe(true)
    const [first = '', second = ''] = Object.keys(left.remove ?? {})
    await store.tidied(left, first)
    expect(await store.get(row)).toBeDefined()
    await store.tidied(left, second)
    expect(await store.get(row)).toBeUndefined()
  })

  it('takes that row along also when the last entry went while the delete ended', async () => {
    const row = await claimed(keyOf(), { door: 'delete' })
    const one = await store.work(row, {}, { leftovers: [entry('a')] })
    if (!one) throw new Error('The claim was lost.')
    const [id = ''] = Object.keys(one.remove ?? {})
    await store.tidied(one, id)
    await store.settle(one, { changes: { change: undefined } })
    const left = await store.get(row)
    expect(left).toMatchObject({ remove: {} })
    if (left) await store.tidied(left)
    expect(await store.get(row)).toBeUndefined()
  })

  it('keeps an entry that came while another was taken', async () => {
    const row = await stored()
    const one = await store.claim(row, row, change(), { leftovers: [entry('a')] })
    const settled = one && (await store.settle(one, { changes: { change: undefined } }))
    if (!settled) throw new Error('It was not settled.')
    const [id = ''] = Object.keys(settled.remove ?? {})
    const two = await store.claim(settled, settled, change(), { leftovers: [entry('b')] })
    expect(two).toBeDefined()
    await store.tidied(settled, id)
    expect(Object.values((await store.get(row))?.remove ?? {}).map(({ key }) => key)).toEqual(['b'])
  })
})

describe('the index of what has a time', () => {
  it('holds a row exactly as long as there is something to do, at its time', async () => {
    const row = await claimed(keyOf(), { state: 'receiving', door: 'intake', until: time + 60_000 })
    const { documentId, userKey } = row
    const entries = async () => {
      const all = (await store.openOfUser(userKey, '')).entries
      return all.filter((entry) => entry.documentId === documentId).map(({ open }) => open)
    }
    expect(await entries()).toEqual([`r#${new Date(time + 60_000).toISOString()}`])
    const parked = await store.work(row, { state: 'parked', until: undefined })
    expect(await entries()).toEqual([`p#${connectionId}`])
    expect((await store.openOfUser(userKey, `p#${connectionId}`)).entries).not.toEqual([])
    if (!parked) throw new Error('It was not parked.')
    await store.settle(parked, { changes: { change: undefined } })
    expect(await entries()).toEqual([])
    const scanned = (await store.scanOpen(1000)).entries.map((entry) => entry.documentId)
    expect(scanned).not.toContain(documentId)
  })

  it('names the soonest of what is left when no change is under way, held back for a late hash alone', () => {
    const left = { kind: 'source' as const, connectionId, key: 'k' }
    const remove = { a: { ...left, notBefore: 3000 } }
    const hash = { algorithm: 'sha256' as const, value: 'x' }
    const content = { changeId: 'c', size: 1, contentType: 'a/b', extension: '.txt' as Extension }
    const waiting = { ...content, prove: { hash, at: 2000, until: 3000, tries: 0 } }
    expect(openOf({ remove, standing: waiting })).toBe('t#1970-01-01T00:00:02.000Z')
    const another = { ...left, notBefore: 2500 }
    expect(openOf({ remove: { ...remove, another }, standing: waiting })).toBe('t#1970-01-01T00:00:00.000Z')
    expect(openOf({ remove, standing: content })).toBe('t#1970-01-01T00:00:00.000Z')
    expect(openOf({ remove: {} })).toBeUndefined()
  })
})

describe('the status', () => {
  it('tells of the change under way, else of how the last one ended', async () => {
    const row = await claimed()
    expect(statusOf(row)).toBe('uploading')
    expect(statusOf({ ...row, change: change({ state: 'receiving' }) })).toBe('receiving')
    const { change: _over, ...rest } = row
    const at = new Date(time).toISOString()
    const standing = standingOf(row)
    expect(statusOf({ ...rest, standing, last: { changeId: 'x', outcome: 'stored', at } })).toBe('stored')
    expect(statusOf({ ...rest, standing, last: { changeId: 'x', outcome: 'failed', at } })).toBe('failed')
    // A delete that is under way has not happened yet.
    expect(statusOf({ ...rest, standing, change: change({ door: 'delete' }) })).toBe('stored')
  })
})
