import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DocumentCatalog } from '../../../lib/catalog/documents.ts'
import { documentCatalog } from '../../../lib/catalog/documents.ts'
import type { Extension, Owner } from '../../../lib/ids.ts'
import { newConnectionId, parseDocumentId, userId, userKeyOf } from '../../../lib/ids.ts'
import { documentClient } from '../../support/grants-stack.ts'
import type { World } from '../../support/grants-world.ts'
import { openWorld } from '../../support/grants-world.ts'

/**
 * Keys of different users never meet; here they do, as if the rule
 * for keys had a fault, or a row came from elsewhere.
 */

let world: World
let documents: DocumentCatalog
beforeAll(async () => {
  world = await openWorld()
  documents = documentCatalog(documentClient(world.endpoints.dynamoDb), 'documents', () => world.clock.now())
})
afterAll(() => world.close())

const userKey = userKeyOf(userId('shared'))
const owner: Owner = { userKey, userId: userId('shared') }
const other: Owner = { userKey, userId: userId('somebody else') }
const documentId = (text: string) => parseDocumentId(text) ?? expect.unreachable()

const newDocument = (of: Owner, id: string) => ({
  ...of,
  documentId: documentId(id),
  connectionId: newConnectionId(),
  provider: 's3' as const,
  status: 'stored' as const,
  size: 1,
  contentType: 'text/plain',
  extension: '' as Extension,
})

it('a connection is seen and changed by the user whose whole id it carries, and by nobody else of that key', async () => {
  const { connections } = world.main
  const connection = await connections.create({
    ...owner,
    connectionId: newConnectionId(),
    provider: 's3',
    status: 'active',
  })
  const { connectionId } = connection
  expect(await connections.get(owner, connectionId)).toEqual(connection)
  expect(await connections.list(owner)).toEqual([connection])
  expect(await connections.get(other, connectionId)).toBeUndefined()
  expect(await connections.list(other)).toEqual([])
  await expect(
    connections.change(other, connectionId, () => ({ status: 'disconnected' })),
  ).rejects.toMatchObject({ code: 'connection_not_found' })
  expect(await connections.get(owner, connectionId)).toEqual(connection)
})

it('a document is seen by the user whose whole id it carries, and written over by nobody else of that key', async () => {
  const row = (await documents.createDocument(newDocument(owner, 'theirs'))) ?? expect.unreachable()
  expect(await documents.getDocument(owner, row.documentId)).toMatchObject(row)
  expect(await documents.getDocument(other, row.documentId)).toBeUndefined()
  await expect(documents.createDocument(newDocument(other, 'theirs'))).rejects.toMatchObject({
    code: 'internal_error',
  })
  expect(await documents.getDocument(owner, row.documentId)).toMatchObject(row)
})

it('lists hold the caller’s own documents alone, also over pages', async () => {
  const names = Array.from({ length: 9 }, (_, at) => `page-${at}`)
  for (const [at, name] of names.entries())
    await documents.createDocument(newDocument(at % 3 === 0 ? owner : other, name))
  const all = async (of: Owner, filtered: boolean): Promise<string[]> => {
    const found: string[] = []
    for (;;) {
      const last = found.at(-1)
      const page = await documents.listDocuments(of, {
        limit: 2,
        ...(filtered ? { status: 'stored' } : {}),
        ...(last === undefined ? {} : { startAfter: documentId(last) }),
      })
      found.push(...page.rows.map((row) => row.documentId))
      if (!page.more) return found.filter((name) => name.startsWith('page-'))
    }
  }
  for (const filtered of [false, true]) {
    expect(await all(owner, filtered)).toEqual(names.filter((_, at) => at % 3 === 0))
    expect(await all(other, filtered)).toEqual(names.filter((_, at) => at % 3 !== 0))
  }
})
