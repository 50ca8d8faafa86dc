import type { CellStore } from '../catalog/cells.ts'
import type { GrantRow, GrantStore } from '../catalog/grants.ts'
import type { Clock } from '../clock.ts'
import { dayMs } from '../clock.ts'
import { comesBefore, goneMs, isCell } from './grant-row.ts'
import type { SecretStore } from './secret-store.ts'

export interface CleanDeps {
  readonly grantRows: Pick<GrantStore, 'getAll' | 'update' | 'remove'>
  readonly cells: CellStore
  readonly secrets: Pick<SecretStore, 'remove'>
  readonly clock: Clock
}

/** What could not be done is tried again in the run after the next. */
const againMs = 3_600_000 / 2

/** Whether the grant has to move: it has a secret of its own, or a newer token lies in its row for a day. */
export function isDirty({ key, at, hot, hotIssuedAt = 0 }: GrantRow, now: number): boolean {
  if (key === undefined) return false
  return (at !== undefined && !isCell(at)) || (hot !== undefined && hotIssuedAt + dayMs <= now)
}

/**
 * Ends a cell that nobody points at. True when it is gone. It is marked first: then nobody can be pointed at
 * it between the look and the end. The mark stays on one that lives on, so that the next run empties it.
 */
export async function retire({ cells, grantRows, secrets }: CleanDeps, cell: string): Promise<boolean> {
  const marked = await cells.mark(cell, 'dying')
  if (marked === undefined) return false
  const rows = await grantRows.getAll(marked.slots)
  if (rows.some(({ at }) => at === cell)) return false
  await secrets.remove(cell)
  await cells.remove(cell)
  return true
}

/**
 * Deletes secrets that have to go, gives a consent up that has died, forgets a disconnected connection when
 * nothing of it is left, and says when somebody has to look again. A row that was changed meanwhile stays
 * due.
 */
export async function cleanRow(
  { grantRows, secrets, clock }: CleanDeps,
  given: GrantRow,
  isThere: (cell: string) => boolean,
): Promise<void> {
  const now = clock.now()
  let row: GrantRow | undefined = given
  if (row.arriving !== undefined && comesBefore(row.arriving) <= now) {
    // Given up before it is deleted: from here on it cannot be committed.
    row = await grantRows.update(row, { arriving: undefined, goes: [...row.goes, row.arriving] })
    if (row === undefined) return
  }
  for (const name of row.goes) await secrets.remove(name)
  const goes = row.goes.filter((name) => comesBefore(name) > now)
  const leaves = row.leaves.filter(isThere)
  const isOver = row.goneAt !== undefined && row.goneAt + goneMs <= now
  if (isOver && leaves.length + goes.length === 0 && row.arriving === undefined) await grantRows.remove(row)
  else await grantRows.update(row, { goes, leaves, packAt: nextLook({ ...row, goes, leaves }, now) })
}

/** When there is something to do for this row again, ISO time. */
function nextLook(row: GrantRow, now: number): string | undefined {
  const { arriving, goes, leaves, goneAt, key, at, hot, hotIssuedAt = 0 } = row
  const times = [
    ...(arriving === undefined ? [] : [comesBefore(arriving)]),
    ...(goes.length + leaves.length > 0 || (key !== undefined && at !== undefined && !isCell(at))
      ? [now + againMs]
      : []),
    ...(key !== undefined && hot !== undefined ? [Math.max(hotIssuedAt + dayMs, now + againMs)] : []),
    ...(goneAt === undefined ? [] : [Math.max(goneAt + goneMs, now)]),
  ]
  return times.length === 0 ? undefined : new Date(Math.min(...times)).toISOString()
}
