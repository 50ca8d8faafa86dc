import { randomBytes } from 'node:crypto'
import type { GrantRow, GrantStore } from '../catalog/grants.ts'
import { shardsOf } from '../catalog/shards.ts'
import { atOnce } from '../net/at-once.ts'
import type { ProviderId } from '../providers/registry.ts'
import { logger } from '../telemetry/logger.ts'
import { count } from '../telemetry/metrics.ts'
import type { Item } from './cell.ts'
import { cellBytes, cellOf, itemAt, itemsIn, maxCellBytes } from './cell.ts'
import type { CleanDeps } from './clean.ts'
import { cleanRow, isDirty, retire } from './clean.ts'
import { isCell } from './grant-row.ts'
import type { SecretStore } from './secret-store.ts'

export interface PackDeps extends CleanDeps {
  readonly grantRows: GrantStore
  readonly secrets: SecretStore
}

export interface Packed {
  /** Grants that lie in a new cell now. */
  moved: number
  /** Cells that were made, and that were ended. */
  made: number
  ended: number
}

interface Move {
  readonly row: GrantRow
  readonly item: Item
}

const rowsAtOnce = 100
/** Rows that are packed together, and cells that are opened for them: bounds of what is in memory. */
const rowsOfPart = 420
const cellsAtOnce = 20
/** DynamoDB takes 100 actions a transaction; the check of the cell is one. */
const rowsPerWrite = 50
/** A cell with less in it is emptied into new ones. */
const sparseBytes = maxCellBytes * 0.6
/** Whoever has filled a cell for longer has died. */
const fillingMs = 3_600_000
const callsAtOnce = 10
/** So often rows that were changed meanwhile are left out of a write. */
const fillTries = 5

/**
 * Moves what is due of one provider's grants into cells, and with it all that shares a cell with something
 * that does not stand any more, so that the cell can go. Items are copied; nothing is opened here. Killed
 * anywhere it loses nothing, any number may work at once, and the next run goes on.
 */
export async function pack(deps: PackDeps, provider: ProviderId, timeIsUp: () => boolean): Promise<Packed> {
  const packed: Packed = { moved: 0, made: 0, ended: 0 }
  const { broken, sparse } = await looseCells(deps, provider)
  const unclean: string[] = []
  for (const cell of broken)
    if (await retire(deps, cell)) packed.ended += 1
    else unclean.push(cell)
  // Two sparse cells make one; a single one is filled up when there is something to put into it.
  const loose = sparse.length + unclean.length > 1 ? [...unclean, ...sparse] : unclean
  for (let from = 0; from < loose.length && !timeIsUp(); from += cellsAtOnce)
    await packRows(deps, provider, [], loose.slice(from, from + cellsAtOnce), packed)
  let extra = loose.length === 0 ? sparse : []
  for await (const rows of dueRows(deps, provider)) {
    if (timeIsUp()) break
    await packRows(deps, provider, rows, extra, packed)
    extra = []
  }
  return packed
}

/** The rows that are due, in parts that fill a cell and touch few. */
async function* dueRows({ grantRows }: PackDeps, provider: ProviderId) {
  let part: GrantRow[] = []
  let touched = new Set<string>()
  for (const shard of shardsOf(provider)) {
    let startKey: Parameters<GrantStore['due']>[3]
    do {
      const page = await grantRows.due('pack', shard, rowsAtOnce, startKey)
      for (const row of await grantRows.getAll(page.rows.map(({ connectionId }) => connectionId))) {
        part.push(row)
        for (const cell of cellsOf(row)) touched.add(cell)
        if (part.length < rowsOfPart && touched.size < cellsAtOnce) continue
        yield part
        part = []
        touched = new Set()
      }
      startKey = page.nextKey
    } while (startKey !== undefined)
  }
  if (part.length > 0) yield part
}

/** Cells that nobody vouches for, since somebody died over them or left copies there; open ones with room. */
async function looseCells({ cells, clock }: PackDeps, provider: ProviderId) {
  const broken: string[] = []
  const sparse: string[] = []
  let startKey: Parameters<PackDeps['cells']['scan']>[0]
  do {
    const page = await cells.scan(startKey)
    for (const { cell, provider: of, state, bytes, createdAt } of page.rows) {
      if (of !== provider) continue
      const died = state === 'filling' && Date.parse(createdAt) + fillingMs <= clock.now()
      if (state === 'dying' || died) broken.push(cell)
      else if (state === 'open' && bytes < sparseBytes) sparse.push(cell)
    }
    startKey = page.nextKey
  } while (startKey !== undefined)
  return { broken, sparse }
}

/** The cells that have to be emptied for a row. */
const cellsOf = ({ at, leaves }: GrantRow): readonly string[] =>
  at !== undefined && isCell(at) ? [at, ...leaves] : leaves

async function packRows(
  deps: PackDeps,
  provider: ProviderId,
  due: readonly GrantRow[],
  extra: readonly string[],
  packed: Packed,
): Promise<void> {
  const { grantRows } = deps
  const dirty = due.filter((row) => isDirty(row, deps.clock.now()))
  // A cell is filled up only with something: else each run would move all of it for nothing.
  const isMoving = due.length === 0 || dirty.length > 0
  const emptied = [
    ...dirty.flatMap(cellsOf),
    ...due.flatMap(({ leaves }) => leaves),
    ...(isMoving ? extra : []),
  ]
  const { opened, gone } = await openCells(deps, new Set(emptied))
  const known = new Set(due.map(({ connectionId }) => connectionId))
  const inside = [...opened.values()].flat().map(({ connectionId }) => connectionId)
  // Whole cells: nobody is left behind in a cell that one is taken from.
  const others = await grantRows.getAll(inside.filter((connectionId) => !known.has(connectionId)))
  const standing = [...due, ...others].filter(
    (row) => row.key !== undefined && row.at !== undefined && (dirty.includes(row) || opened.has(row.at)),
  )
  const moves = await movesOf(deps, standing, opened)
  for (const bin of firstFit(moves)) {
    const moved = await fillCell(deps, provider, bin)
    packed.moved += moved
    packed.made += moved > 0 ? 1 : 0
  }
  for (const cell of opened.keys()) {
    if (!(await retire(deps, cell))) continue
    gone.add(cell)
    packed.ended += 1
  }
  const touched = [...known, ...moves.map(({ row }) => row.connectionId)]
  const isThere = (cell: string): boolean => !gone.has(cell)
  await atOnce(callsAtOnce, await grantRows.getAll(touched), (row) => cleanRow(deps, row, isThere))
}

/** What lies in these cells. They are marked: whoever dies over them leaves them to the next run. */
async function openCells({ cells, secrets }: PackDeps, names: ReadonlySet<string>) {
  const opened = new Map<string, readonly Item[]>()
  const gone = new Set<string>()
  await atOnce(callsAtOnce, names, async (cell) => {
    if ((await cells.mark(cell, 'dying')) === undefined) return gone.add(cell)
    const bytes = await secrets.read(cell)
    return opened.set(cell, bytes === undefined ? [] : itemsIn(bytes))
  })
  return { opened, gone }
}

/** Each row with its newest item; without one it stays where it is, and somebody has to look. */
async function movesOf(
  { secrets, grantRows }: PackDeps,
  rows: readonly GrantRow[],
  opened: ReadonlyMap<string, readonly Item[]>,
): Promise<readonly Move[]> {
  const moves: Move[] = []
  await atOnce(callsAtOnce, rows, async (row) => {
    const { hot, at = '', connectionId } = row
    const read = async () =>
      opened.get(at) ?? (await secrets.read(at).then((bytes) => bytes && itemsIn(bytes)))
    const found = hot === undefined ? await read() : [itemAt(hot)]
    const item = found?.find((one) => one.connectionId === connectionId)
    if (item !== undefined) return moves.push({ row, item })
    // Another packer may have moved it since its row was read.
    if ((await grantRows.get(connectionId))?.version !== row.version) return undefined
    count('VaultInconsistent')
    return logger.error('A grant is not where its row says', { connectionId })
  })
  return moves
}

/** As few cells as fit, the largest items first. */
function firstFit(moves: readonly Move[]): readonly (readonly Move[])[] {
  const bins: { readonly moves: Move[]; bytes: number }[] = []
  for (const move of moves.toSorted((a, b) => b.item.bytes.length - a.item.bytes.length)) {
    const size = move.item.bytes.length
    const bin = bins.find(({ bytes }) => bytes + size <= maxCellBytes)
    if (bin === undefined) bins.push({ moves: [move], bytes: cellBytes([move.item.bytes]) })
    else {
      bin.moves.push(move)
      bin.bytes += size
    }
  }
  return bins.map((bin) => bin.moves)
}

/** Writes the cell's name down, makes it, points rows at it. How many rows. */
async function fillCell(deps: PackDeps, provider: ProviderId, moves: readonly Move[]): Promise<number> {
  const { cells, secrets, grantRows, clock } = deps
  const cell = `cells/${provider}/${clock.now().toString(36)}${randomBytes(9).toString('base64url')}`
  const items = moves.map(({ item }) => item.bytes)
  const slots = moves.map(({ row }) => row.connectionId)
  const createdAt = new Date(clock.now()).toISOString()
  await cells.create({ cell, provider, slots, bytes: cellBytes(items), createdAt })
  await secrets.create(cell, cellOf(items))
  let moved = 0
  for (let from = 0; from < moves.length; from += rowsPerWrite) {
    let left = moves.slice(from, from + rowsPerWrite)
    for (let attempt = 1; left.length > 0 && attempt <= fillTries; attempt += 1) {
      const refused = await cells.fill(
        cell,
        left.map(({ row, item }) => grantRows.updating(row, movedTo(cell, row, item))),
      )
      if (refused?.length === 0) {
        moved += left.length
        break
      }
      // Changed meanwhile: it is as new as its row says, and the next run's.
      left = refused === undefined ? [] : left.filter((_, position) => !refused.includes(position))
    }
  }
  // A copy that lies here and is not pointed at: the next run empties the cell.
  if (moved > 0) await cells.mark(cell, moved === moves.length ? 'open' : 'dying')
  else if (!(await retire(deps, cell))) await secrets.remove(cell)
  return moved
}

function movedTo(cell: string, { at, goes }: GrantRow, { issuedAt, keyId }: Item) {
  const single = at === undefined || isCell(at) ? [] : [at]
  const where = { at: cell, issuedAt, sealedWith: keyId, hot: undefined, hotIssuedAt: undefined }
  return { ...where, goes: [...goes, ...single] }
}
