import { computed, effect, signal } from '@preact/signals'
import type { ReadonlySignal, Signal } from '@preact/signals'
import type { Document, Driveway } from '../../../client/src/browser.ts'
import { isDrivewayError } from '../../../client/src/browser.ts'
import { poll } from '../polling.ts'

export interface Filter {
  readonly connectionId?: string | undefined
  readonly status?: Document['status'] | undefined
}

export interface Documents {
  /** The page that is shown; undefined until it has been loaded. */
  readonly rows: ReadonlySignal<readonly Document[] | undefined>
  readonly filter: Signal<Filter>
  readonly isFiltered: ReadonlySignal<boolean>
  readonly problem: ReadonlySignal<unknown>
  /** From 1. */
  readonly pageNumber: ReadonlySignal<number>
  readonly hasNext: ReadonlySignal<boolean>
  readonly next: () => void
  readonly previous: () => void
  /** Something has happened to a document: look soon. */
  readonly refresh: () => void
}

const pageSize = 25
const restingPollMs = 20_000
const fastestPollMs = 1_000
const slowestPollMs = 10_000

/** The user's documents, a page at a time, followed as they change. */
export function documentStore(driveway: Driveway): Documents {
  const rows = signal<readonly Document[] | undefined>(undefined)
  const filter = signal<Filter>({})
  const problem = signal<unknown>(undefined)
  /** Where each page up to this one begins; the first begins at the beginning. */
  const cursors = signal<readonly (string | undefined)[]>([undefined])
  const nextCursor = signal<string | undefined>(undefined)

  const load = async (): Promise<boolean> => {
    const wanted = { filter: filter.value, cursors: cursors.value }
    try {
      const page = await driveway.documents.list({
        ...wanted.filter,
        cursor: wanted.cursors.at(-1),
        limit: pageSize,
      })
      // The person has gone on meanwhile: another answer is on its way.
      if (wanted.filter !== filter.value || wanted.cursors !== cursors.value) return true
      problem.value = undefined
      nextCursor.value = page.nextCursor
      if (page.documents.length === 0 && wanted.cursors.length > 1) {
        cursors.value = wanted.cursors.slice(0, -1)
        return true
      }
      const changed = JSON.stringify(page.documents) !== JSON.stringify(rows.value)
      if (changed) rows.value = page.documents
      return changed
    } catch (error) {
      problem.value = error
      // The sign-in screen stands there already.
      if (isDrivewayError(error, 'unauthorized')) return false
      throw error
    }
  }
  const isMoving = (): boolean =>
    rows.value?.some(({ status }) => status === 'uploading' || status === 'receiving') === true
  const polling = poll(load, (quiet) =>
    isMoving() ? Math.min(slowestPollMs, fastestPollMs * 1.5 ** quiet) : restingPollMs,
  )

  let isFirst = true
  effect(() => {
    void [filter.value, cursors.value]
    if (isFirst) isFirst = false
    else polling.soon()
  })
  return {
    rows,
    filter: filterThatTurnsBack(filter, cursors),
    isFiltered: computed(() => filter.value.connectionId !== undefined || filter.value.status !== undefined),
    problem,
    pageNumber: computed(() => cursors.value.length),
    hasNext: computed(() => nextCursor.value !== undefined),
    next() {
      if (nextCursor.value !== undefined) cursors.value = [...cursors.value, nextCursor.value]
    },
    previous() {
      if (cursors.value.length > 1) cursors.value = cursors.value.slice(0, -1)
    },
    refresh: polling.soon,
  }
}

/** Another filter begins at the first page. */
function filterThatTurnsBack(
  filter: Signal<Filter>,
  cursors: Signal<readonly (string | undefined)[]>,
): Signal<Filter> {
  let last = filter.value
  effect(() => {
    if (filter.value === last) return
    last = filter.value
    if (cursors.peek().length > 1) cursors.value = [undefined]
  })
  return filter
}
