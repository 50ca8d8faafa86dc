import { atOnce } from '../net/at-once.ts'
import type { Page } from './table.ts'

/** A few workers take from one page of an index, then from the next, for as long as they may. */
export async function eachDue<Row>(
  most: number,
  pageFrom: (startKey: Page<Row>['nextKey']) => Promise<Page<Row>>,
  mayGoOn: () => boolean,
  work: (row: Row) => Promise<void>,
): Promise<void> {
  let startKey: Page<Row>['nextKey']
  do {
    const page = await pageFrom(startKey)
    await atOnce(most, page.rows, async (row) => {
      if (mayGoOn()) await work(row)
    })
    startKey = page.nextKey
  } while (startKey !== undefined && mayGoOn())
}
