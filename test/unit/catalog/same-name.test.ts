import { S3Client } from '@aws-sdk/client-s3'
import { randomInt } from 'node:crypto'
import { expect, it } from 'vitest'
import type { DocumentRow } from '../../../lib/catalog/document.ts'
import { readFileName, refuseSharedName } from '../../../lib/catalog/same-name.ts'
import type { DocumentId, Extension } from '../../../lib/ids.ts'
import { parseConnectionId, parseDocumentId, parseExtension, userId, userKeyOf } from '../../../lib/ids.ts'
import { readIntakeKey } from '../../../lib/transfer/intake-key.ts'
import { fileNameOf } from '../../../lib/providers/onedrive/names.ts'
import { s3Driver } from '../../../lib/providers/s3/driver.ts'
import { nameOf } from '../../../lib/storage/free-name.ts'
import { instantClock } from '../../support/instant-clock.ts'

const alice = userId('alice')
const userKey = userKeyOf(alice)
const connectionId = parseConnectionId('c-1') ?? expect.unreachable()
const s3 = s3Driver({
  client: new S3Client({ region: 'eu-central-1' }),
  bucket: 'any',
  clock: instantClock(),
})

const dropKey = (name: string): string => `${userKey}/${connectionId}/${name}`
const pick = <Value>(values: readonly Value[]): Value =>
  values[randomInt(values.length)] ?? expect.unreachable()
const endings = ['', '.a', '.b', '.B', '.1']
/** Ids that end as extensions do, of few parts, so that many of them meet. */
const anyId = (): DocumentId =>
  parseDocumentId(`${pick(['a', 'A'])}${pick(endings)}${pick(endings)}`) ?? expect.unreachable()
const anyExtension = (): Extension => parseExtension(pick(endings)) ?? expect.unreachable()

it('no two documents that the rule lets through have one place, in any store', async () => {
  let refusals = 0
  for (let world = 0; world < 300; world += 1) {
    const rows = new Map<DocumentId, DocumentRow>()
    const documents = {
      get: (key: { readonly documentId: DocumentId }) => Promise.resolve(rows.get(key.documentId)),
    }
    for (let step = 0; step < 25; step += 1) {
      const [documentId, extension] = [anyId(), anyExtension()]
      const before = rows.get(documentId)
      try {
        await refuseSharedName(documents, { userKey, documentId, extension }, before)
        const stored = { documentId, standing: { extension } } as unknown as DocumentRow
        rows.set(documentId, stored)
      } catch (error) {
        refusals += 1
        expect(error).toMatchObject({ code: 'invalid_request', detail: /same file name as document/ })
      }
      if (before !== undefined && randomInt(4) === 0) rows.delete(documentId)
    }
    const places = [...rows.values()].map(({ documentId, standing }) => {
      const extension = standing?.extension ?? ''
      const names = [0, 1, 2].map((n) => nameOf({ file: `${documentId}${extension}` }, n))
      const drive = names.map(fileNameOf)
      return {
        s3: s3.signedUrls?.keyFor(alice, names[0] ?? ''),
        onedrive: drive[0],
        intake: dropKey(`${documentId}${extension}`),
        all: drive,
      }
    })
    for (const store of ['s3', 'onedrive', 'intake'] as const)
      expect(new Set(places.map((place) => place[store])).size).toBe(rows.size)
    // What OneDrive takes instead of a name that another has but for its case is nobody's either.
    const held = places.flatMap(({ all }) => [...new Set(all)])
    expect(new Set(held).size).toBe(held.length)
  }
  expect(refusals).toBeGreaterThan(50)
})

it('a name means every document that it can be the file of', () => {
  for (let round = 0; round < 3000; round += 1) {
    const [documentId, extension] = [anyId(), anyExtension()]
    expect(readFileName(`${documentId}${extension}`)).toContainEqual({ documentId, extension })
    const named = readIntakeKey(dropKey(`${documentId}${extension}`))
    expect('drops' in named && named.drops).toContainEqual({ userKey, connectionId, documentId, extension })
  }
})
