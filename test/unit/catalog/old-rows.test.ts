import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { DeleteCommand, GetCommand, PutCommand } from '../../../lib/aws/dynamo.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizationStore } from '../../../lib/catalog/authorizations.ts'
import { connectionStore } from '../../../lib/catalog/connections.ts'
import { documentStore } from '../../../lib/catalog/documents.ts'
import { tokenStore } from '../../../lib/catalog/tokens.ts'
import { takeOverTransfers } from '../../../lib/transfer/old-transfers.ts'
import { dynamoAt } from '../../support/aws-caller.ts'
import type { World } from '../../support/grants-world.ts'
import { openWorld } from '../../support/grants-world.ts'

type Item = Readonly<Record<string, unknown>>

/** Rows as a released version wrote them. Never change one: a row of a new kind is a row more. */
const oldRows = (table: string): Item[] =>
  JSON.parse(readFileSync(new URL(`old-rows/${table}.json`, import.meta.url), 'utf8')) as Item[]

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const client = () => dynamoAt(world.endpoints.dynamoDb)

/** An old item without the attributes that no reader sees. */
const without = (item: Item, ...names: readonly string[]): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)))

/** What an old item means today, told by hand. */
const meanings: Readonly<Record<string, (item: Item) => Item>> = {
  connections(item) {
    const { folderId } = item
    const memo = folderId === undefined ? {} : { memo: { folder: folderId } }
    return { ...without(item, 'writeId', 'folderId'), ...memo }
  },
  tokens: (item) => without(item, 'expiresAt', 'settledBy', 'secretWrittenAt'),
  authorizations: (item) => without(item, 'usedBy'),
  documents(item) {
    const { status, objectKey, objectExists, checksum, error, writeId, updatedAt } = item
    const {
      userKey,
      userId = userKey,
      documentId,
      connectionId,
      provider,
      createdAt,
      size,
      contentType,
      extension,
    } = item
    const { verdict, ...hash } = (checksum ?? {}) as Item
    const proof = checksum === undefined ? {} : { hash, verdict }
    const file = `${String(documentId)}${String(extension)}`
    const standing = { changeId: writeId, size, contentType, extension, file, ...proof }
    const interrupted = {
      code: 'object_missing',
      detail: expect.stringContaining('interrupted by an update') as unknown,
    }
    const failed = { outcome: 'failed', ...((error ?? interrupted) as Item) }
    return {
      userKey,
      userId,
      documentId,
      connectionId,
      provider,
      createdAt,
      updatedAt,
      old: writeId,
      seq: 0,
      ...(objectExists === true ? { objectKey, standing } : {}),
      last: { changeId: writeId, at: updatedAt, ...(status === 'stored' ? { outcome: 'stored' } : failed) },
    }
  },
}

const documents = () => documentStore(client(), 'documents', () => 0, randomUUID)

const readers: Readonly<Record<string, (key: never) => Promise<unknown>>> = {
  connections: ({ userKey, userId, connectionId }) =>
    connectionStore(client(), 'connections', () => 0).get({ userKey, userId }, connectionId),
  tokens: ({ connectionId }) => tokenStore(client(), 'tokens').get(connectionId),
  // No row has expired in the year 1970.
  authorizations: ({ id }) => authorizationStore(client(), 'authorizations', () => 0).get(id),
  documents: (key) => documents().get(key),
}

describe.each(Object.keys(readers))('rows of the table %s that an older version wrote', (table) => {
  it('mean what they meant', async () => {
    const items = oldRows(table)
    expect(items).not.toEqual([])
    for (const item of items) {
      await client().send(new PutCommand({ TableName: table, Item: item }))
      expect(await readers[table]?.(item as never)).toEqual(meanings[table]?.(item))
    }
  })
})

describe('a connection that an older version wrote', () => {
  it('is found by what moves its grant, and written as the older version reads it', async () => {
    const items = oldRows('connections').filter(({ idleSince }) => idleSince !== undefined)
    const late = connectionStore(client(), 'connections', () => Date.parse('2028-01-01'))
    for (const item of items) {
      await client().send(new PutCommand({ TableName: 'connections', Item: item }))
      const provider = item['provider'] === 'onedrive' ? 'onedrive' : 'google-drive'
      const found = (await late.listOld(provider, 100)).rows.find(
        ({ connectionId }) => connectionId === item['connectionId'],
      )
      if (found === undefined) throw new Error(`${JSON.stringify(item)} is not found`)
      await late.update(found, { email: 'new@example.com' })
      const stored = await client().send(
        new GetCommand({
          TableName: 'connections',
          Key: { userKey: item['userKey'], connectionId: item['connectionId'] },
        }),
      )
      expect(stored.Item).toMatchObject({ status: item['status'], idleSince: item['idleSince'] })
    }
  })
})

describe('a document that an older version wrote', () => {
  it('loses its old words with the first write, and keeps what stands', async () => {
    for (const item of oldRows('documents')) {
      await client().send(new PutCommand({ TableName: 'documents', Item: item }))
      const seen = (await documents().get(item as never)) ?? expect.unreachable()
      const written = (await documents().observe(seen, {})) ?? expect.unreachable()
      expect(written).not.toHaveProperty('old')
      const { old: _gone, updatedAt: _then, ...meant } = seen
      expect(written).toMatchObject(meant)
      // Whoever has read it before is too late.
      expect(await documents().observe(seen, {})).toBeUndefined()
    }
  })
})

describe('a transfer that an older version had under way', () => {
  it('becomes a change of its document that goes on from its bytes, and its row goes', async () => {
    const items = oldRows('transfers')
    for (const item of items) {
      await client().send(new PutCommand({ TableName: 'transfers', Item: item }))
      const options = { now: () => 1000, deadline: 2000 }
      expect(await takeOverTransfers(client(), 'transfers', documents(), options)).toBe(1)
      const row = await documents().get(item as never)
      const { source, phase, transferId, fence } = item as {
        source?: Item
        phase: string
        transferId: string
        fence: number
      }
      if (source === undefined || phase === 'cancelled') {
        expect(row?.change?.id).not.toBe(transferId)
        continue
      }
      const { key, etag, size } = source
      expect(row?.change).toMatchObject({
        id: transferId,
        state: 'waiting',
        fence: fence + 1,
        source: { key, etag, size },
      })
      await client().send(
        new DeleteCommand({
          TableName: 'documents',
          Key: { userKey: item['userKey'], documentId: item['documentId'] },
        }),
      )
    }
    expect(items.length).toBeGreaterThan(3)
  })
})
