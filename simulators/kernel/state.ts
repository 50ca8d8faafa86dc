import { join } from 'node:path'
import type { BlobStore } from './blobs.ts'
import { openBlobs } from './blobs.ts'
import type { AdjustableClock } from './clock.ts'
import { adjustableClock } from './clock.ts'
import type { HashSpec } from './hashes.ts'
import { memoryBlobs } from './memory-blobs.ts'
import type { Records } from './memory-store.ts'
import { memoryStore } from './memory-store.ts'
import type { Random } from './random.ts'
import { openRandom } from './random.ts'
import type { Store } from './store.ts'
import { openStore } from './store.ts'

/** What a provider works on: durable records and content under one directory, time and chance. */
export interface ProviderState {
  store: Store
  blobs: BlobStore
  clock: AdjustableClock
  random: Random
  close(): Promise<void>
}

export interface StateOptions {
  /** Where the state is kept; or what it begins with in memory, where nothing waits for a disk. */
  stateDir: string | Records
  clock?: AdjustableClock | undefined
  seed?: number | undefined
}

/**
 * Opens `{stateDir}/state.sqlite` and `{stateDir}/blobs`; the directory belongs to one provider alone.
 * @param hashes the hashes kept for every file, one worker thread per group
 */
export function openState(options: StateOptions, hashes: HashSpec[][]): ProviderState {
  const { stateDir } = options
  const [store, blobs] =
    typeof stateDir === 'string'
      ? [openStore(join(stateDir, 'state.sqlite')), openBlobs(join(stateDir, 'blobs'), hashes)]
      : [memoryStore(stateDir), memoryBlobs(hashes)]
  const runs = store.collection<{ count: number }>('runs')
  const run = (runs.get('run')?.count ?? 0) + 1
  runs.put('run', { count: run })
  return {
    store,
    blobs,
    clock: options.clock ?? adjustableClock(),
    random: openRandom(options.seed, run),
    async close() {
      await blobs.close()
      store.close()
    },
  }
}
