import { expect, it } from 'vitest'
import type { OpenPage } from '../../../lib/catalog/document-pages.ts'
import type { DocumentId, UserKey } from '../../../lib/ids.ts'
import type { HallDeps } from '../../../lib/transfer/hall.ts'
import { sweep } from '../../../lib/transfer/sweep.ts'
import { instantClock } from '../../support/instant-clock.ts'

/** An index of `pages` pages with two rows each, all of them due. */
function openIndex(pages: number) {
  const clock = instantClock()
  const sent: string[] = []
  const scanOpen = (_limit: number, cursor?: OpenPage['cursor']): Promise<OpenPage> => {
    const page = Number(cursor?.['page'] ?? 0)
    const entries = [0, 1].map((row) => ({
      userKey: 'alice' as UserKey,
      documentId: `${String(page)}-${String(row)}` as DocumentId,
      open: `t#${new Date(0).toISOString()}`,
    }))
    return Promise.resolve(page + 1 < pages ? { entries, cursor: { page: page + 1 } } : { entries })
  }
  const enqueue = ({ documentId }: { readonly documentId: DocumentId }) =>
    clock.sleep(1000).then(() => void sent.push(documentId))
  const deps = { clock, documents: { scanOpen }, enqueue } as unknown as HallDeps
  return { clock, sent, deps }
}

it('goes on where the run before came to the end of its time, and reaches every row', async () => {
  const { clock, sent, deps } = openIndex(30)
  let from: string | undefined
  let runs = 0
  do {
    const { next } = await sweep(deps, { deadline: clock.now() + 15_000, idleMs: 0, from })
    from = next
    runs += 1
  } while (from !== undefined)
  expect(runs).toBeGreaterThan(3)
  expect(runs).toBeLessThan(10)
  expect(new Set(sent).size).toBe(60)
  // The page at which the time was up is looked at twice.
  expect(sent.length).toBeLessThan(60 + runs)
})

it('sees a bounded number of pages in one run', async () => {
  const { clock, sent, deps } = openIndex(70)
  const first = await sweep(deps, { deadline: clock.now() + 1e9, idleMs: 0 })
  expect([first.rows, first.next]).toEqual([100, expect.any(String)])
  const second = await sweep(deps, { deadline: clock.now() + 1e9, idleMs: 0, from: first.next })
  expect([second.rows, second.next]).toEqual([40, undefined])
  expect(new Set(sent).size).toBe(140)
})
