import { readFileSync } from 'node:fs'
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizationStore } from '../../../lib/catalog/authorizations.ts'
import { connectionStore } from '../../../lib/catalog/connections.ts'
import { documentCatalog } from '../../../lib/catalog/documents.ts'
import { tokenStore } from '../../../lib/catalog/tokens.ts'
import { openTransfers } from '../../../lib/catalog/transfers.ts'
import { documentClient } from '../../support/grants-stack.ts'
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

const client = () => documentClient(world.endpoints.dynamoDb)
const day = 24 * 3600 * 1000
const keepAliveDays = (item: Item): number => (item['provider'] === 'onedrive' ? 30 : 60)

/** An old item without the attributes that no reader sees. */
const without = (item: Item, ...names: readonly string[]): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)))

/** What an old item means today, told by hand. */
const meanings: Readonly<Record<string, (item: Item) => Item>> = {
  connections(item) {
    const { idleSince, folderId } = item
    const memo = folderId === undefined ? {} : { memo: { folder: folderId } }
    const row = { ...without(item, 'writeId', 'idleSince', 'folderId'), ...memo }
    if (typeof idleSince !== 'string') return row
    const due = Date.parse(idleSince) + keepAliveDays(item) * day
    return { ...row, keepAliveAt: new Date(due).toISOString() }
  },
  tokens: (item) => without(item, 'expiresAt', 'settledBy'),
  authorizations: (item) => without(item, 'usedBy'),
  documents: (item) => item,
  transfers(item) {
    const target = item['target'] as Item | undefined
    const file = `${String(item['documentId'])}${String(item['extension'])}`
    if (target?.['kind'] === 'reserved') return { ...item, target: { ...target, kind: 'new', file } }
    return target?.['kind'] === 'placeholder' ? { ...item, target: { ...target, kind: 'replace' } } : item
  },
}

const readers: Readonly<Record<string, (key: never) => Promise<unknown>>> = {
  connections: ({ userKey, userId, connectionId }) =>
    connectionStore(client(), 'connections', () => 0).get({ userKey, userId }, connectionId),
  tokens: ({ connectionId }) => tokenStore(client(), 'tokens').get(connectionId),
  // No row has expired in the year 1970.
  authorizations: ({ id }) => authorizationStore(client(), 'authorizations', () => 0).get(id),
  documents: ({ userKey, userId, documentId }) =>
    documentCatalog(client(), 'documents', () => 0).getDocument({ userKey, userId }, documentId),
  transfers: ({ userKey, documentId }) => openTransfers(client(), 'transfers').get(userKey, documentId),
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
  it('is found by the keep-alive when it is due or owes an event, and written as the older version reads it', async () => {
    const items = oldRows('connections').filter(({ idleSince }) => idleSince !== undefined)
    const late = connectionStore(client(), 'connections', () => Date.parse('2028-01-01'))
    for (const item of items) {
      await client().send(new PutCommand({ TableName: 'connections', Item: item }))
      const provider = item['provider'] === 'onedrive' ? 'onedrive' : 'google-drive'
      const found = (await late.listDue(provider, 100)).rows.find(
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
