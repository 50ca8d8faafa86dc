import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomUUID } from 'node:crypto'
import { bothReader } from '../../../lib/catalog/both.ts'
import type { Change, DocumentRow } from '../../../lib/catalog/document.ts'
import type { DocumentStore } from '../../../lib/catalog/documents.ts'
import { documentStore } from '../../../lib/catalog/documents.ts'
import { listDocuments } from '../../../lib/documents/list-documents.ts'
import { requireDocument } from '../../../lib/documents/stat-document.ts'
import type { Extension, Owner } from '../../../lib/ids.ts'
import { newConnectionId, parseDocumentId, userId, userKeyOf } from '../../../lib/ids.ts'
import { dynamoAt } from '../../support/aws-caller.ts'
import type { World } from '../../support/grants-world.ts'
import { openWorld } from '../../support/grants-world.ts'

/**
 * Keys of different users never meet; here they do, as if the rule
 * for keys had a fault, or a row came from elsewhere.
 */

let world: World
let documents: DocumentStore
beforeAll(async () => {
  world = await openWorld()
  documents = documentStore(
    dynamoAt(world.endpoints.dynamoDb),
    'documents',
    () => world.clock.now(),
    randomUUID,
  )
})
afterAll(() => world.close())

const userKey = userKeyOf(userId('shared'))
const owner: Owner = { userKey, userId: userId('shared') }
const other: Owner = { userKey, userId: userId('somebody else') }
const documentId = (text: string) => parseDocumentId(text) ?? expect.unreachable()

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

const change = (): Change => ({
  id: randomUUID(),
  owner: randomUUID(),
  door: 'put',
  state: 'sending',
  fence: 1,
  connectionId: newConnectionId(),
  provider: 's3',
  size: 1,
  contentType: 'text/plain',
  extension: '' as Extension,
  startedAt: 0,
})
const claim = async (of: Owner, id: string): Promise<DocumentRow | undefined> => {
  const made = change()
  const { connectionId, provider } = made
  const changes = { userId: of.userId, connectionId, provider }
  return await documents.claim({ ...of, documentId: documentId(id) }, undefined, made, { changes })
}

it('a document is seen by the user whose whole id it carries, and by nobody else of that key', async () => {
  await claim(owner, 'theirs')
  const signal = AbortSignal.timeout(10_000)
  const asked = { documentId: documentId('theirs'), signal }
  const client = dynamoAt(world.endpoints.dynamoDb)
  const tables = { documents: 'documents', connections: 'connections' }
  const deps = { readBoth: bothReader(client, tables, world.clock) }
  const { row } = await requireDocument(deps, { ...owner, ...asked })
  expect(row).toMatchObject({ userId: owner.userId })
  await expect(requireDocument(deps, { ...other, ...asked })).rejects.toMatchObject({
    code: 'document_not_found',
  })
  expect(await claim(other, 'theirs')).toBeUndefined()
})

it('lists hold the caller’s own documents alone, also over pages', async () => {
  const names = Array.from({ length: 9 }, (_, at) => `page-${at}`)
  for (const [at, name] of names.entries()) await claim(at % 3 === 0 ? owner : other, name)
  const all = async (of: Owner, filtered: boolean): Promise<string[]> => {
    const found: string[] = []
    let cursor: string | undefined
    do {
      const status = filtered ? ('uploading' as const) : undefined
      const page = await listDocuments(
        { documents },
        { ...of, connectionId: undefined, status, limit: 2, cursor },
      )
      found.push(...page.rows.map((row) => row.documentId))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return found.filter((name) => name.startsWith('page-'))
  }
  for (const filtered of [false, true]) {
    expect(await all(owner, filtered)).toEqual(names.filter((_, at) => at % 3 === 0))
    expect(await all(other, filtered)).toEqual(names.filter((_, at) => at % 3 !== 0))
  }
})
