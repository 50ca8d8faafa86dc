import { atOnce } from '../net/at-once.ts'
import type { ProviderId } from '../providers/registry.ts'
import { shardsOf } from './shards.ts'
import type { Page } from './table.ts'

const pageSize = 100
/** Of each shard; a provider has sixteen of them, and providers do not wait for each other. */
const most = 2
/** One piece of work with its writes, milliseconds: less time left begins no more. */
const reserveMs = 20_000
/** So many failures, and not one success between them, are the provider's and not the connections'. */
const mostFailures = 8

/** Whether the provider did what it was asked for, when it was asked at all. */
export type Tried = 'done' | 'failed' | 'not asked'

/**
 * Works off what an index holds as due, in all shards of `providers`, as far as the time lasts: the index
 * holds what is left, so the next run goes on there, and two at once do no harm. A provider that only fails
 * is left alone until then.
 */
export async function eachDue<Row>(
  providers: readonly ProviderId[],
  pageFrom: (shard: string, limit: number, startKey: Page<Row>['nextKey']) => Promise<Page<Row>>,
  /** Milliseconds left for this run. */
  remainingMs: () => number,
  work: (row: Row, mayGoOn: () => boolean) => Promise<Tried>,
): Promise<void> {
  const ofProvider = async (provider: ProviderId): Promise<void> => {
    let failures = 0
    const mayGoOn = (): boolean => remainingMs() >= reserveMs && failures < mostFailures
    const ofShard = async (shard: string): Promise<void> => {
      let startKey: Page<Row>['nextKey']
      do {
        const page = await pageFrom(shard, pageSize, startKey)
        await atOnce(most, page.rows, async (row) => {
          if (!mayGoOn()) return
          const tried = await work(row, mayGoOn)
          if (tried === 'failed') failures += 1
          else if (tried === 'done') failures = 0
        })
        startKey = page.nextKey
      } while (startKey !== undefined && mayGoOn())
    }
    await Promise.all(shardsOf(provider).map(ofShard))
  }
  await Promise.all(providers.map(ofProvider))
}
