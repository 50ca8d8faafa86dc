import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { DocumentKey } from '../catalog/document-pages.ts'
import type { DocumentObjects } from '../catalog/document-objects.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { Followed } from '../catalog/followed.ts'
import { isServiceError } from '../errors.ts'
import type { ObjectKey } from '../ids.ts'
import { atOnce } from '../net/at-once.ts'
import type { Changes, Driver, Seen } from '../storage/driver.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { ObserveDeps } from './observe.ts'
import { difference, isBusy, observe } from './observe.ts'

export interface FollowDeps extends ObserveDeps {
  readonly documents: Pick<DocumentStore, 'get' | 'observe'>
  readonly objects: DocumentObjects
  readonly connections: Pick<ConnectionStore, 'change'>
  readonly openDriver: (connection: Connection) => Promise<Driver>
  /** Seconds between two looks at a drive where nothing happens. */
  readonly longestPauseS: number
  /** Files are called as people call them: we rename them, too. */
  readonly driveNames: boolean
}

/** Seconds to the next look at a drive where something has just happened. */
export const shortestPauseS = 60
const looksAtOnce = 8
const documentsAtOnce = 100
/** A file as new as this may not be in the index yet, or its row not be written. */
const freshMs = 15 * 60_000

type Places = Pick<Followed, 'feed' | 'walk'>
type Place = NonNullable<Places['feed']>
interface Item {
  readonly key: ObjectKey
  /** What a list says of it; absent: nobody knows. */
  readonly seen?: Seen
  /** Whose file it is, where that is known. */
  readonly place?: DocumentKey
}
interface Page {
  readonly items: readonly Item[]
  /** Where the next look begins; undefined at the end of a list that has one. */
  readonly next: string | undefined
  readonly more: boolean
}
interface Judged {
  readonly told: number
  /** It is to be looked at once more, or for as long as somebody writes it. */
  readonly left?: 'once' | 'busy'
}
interface At {
  readonly deps: FollowDeps
  readonly connection: Connection
  readonly driver: Driver
  readonly changes: Changes
}
/** What a look has come to so far. */
interface Look extends At {
  state: Followed
  told: number
  /** Something is left for the next look. */
  isLeft: boolean
}

/**
 * Follows what happens in one connection's drive from where the last look ended: each thing that its user
 * does to a document's file is told once. What cannot be judged yet is read again with the next look. A
 * cursor that is good no more becomes a walk over all documents of the connection. May end anywhere.
 */
export async function follow(
  deps: FollowDeps,
  connection: Connection,
  mayGoOn: () => boolean,
): Promise<{ readonly told: number }> {
  const driver = await deps.openDriver(connection)
  const { changes } = driver
  if (!changes) return { told: 0 }
  const state = connection.changes ?? { everyS: shortestPauseS }
  const look: Look = { deps, connection, driver, changes, state, told: 0, isLeft: false }
  if (state.feed === undefined)
    look.state = { ...state, feed: { at: await changes.begin() }, walk: { at: '' } }
  const { feed = { at: '' }, walk } = look.state
  if (walk) {
    const walked = await pass(look, 'walk', walk, (from) => documentsPage(look, from), mayGoOn)
    if (walked === 'later' || walked === 'lost') return look
    const { walk: _over, ...rest } = look.state
    look.state = { ...rest, ...walked }
  }
  const ended = await pass(look, 'feed', feed, (from) => feedPage(look, from), mayGoOn)
  if (ended !== 'later') await end(look, ended)
  return look
}

/** Reads a list to its end; answers where the next look begins, or why it has come to no end. */
async function pass(
  look: Look,
  list: 'feed' | 'walk',
  start: Place,
  pageFrom: (from: string) => Promise<Page | undefined>,
  mayGoOn: () => boolean,
): Promise<Places | 'lost' | 'later'> {
  for (let here = start; ;) {
    const page = await pageFrom(here.at)
    if (page === undefined) return 'lost'
    const isLeft = await judgeAll(look, page.items)
    const back = here.back ?? (isLeft ? here.at : undefined)
    const next = page.more ? page.next : (back ?? page.next)
    if (next === undefined) return {}
    if (!page.more) return { [list]: { at: next } }
    here = { at: next, ...(back === undefined ? {} : { back }) }
    look.state = { ...look.state, [list]: here }
    await save(look, 0)
    if (!mayGoOn()) return 'later'
  }
}

/** Writes down where the next look begins, and when. */
async function end(look: Look, ended: Places | 'lost'): Promise<void> {
  const { state, told, isLeft, deps } = look
  const { walk, everyS: before } = state
  const isQuiet = told === 0 && !isLeft && ended !== 'lost' && walk === undefined
  const everyS = isQuiet ? Math.min(before * 2, deps.longestPauseS) : shortestPauseS
  const kept = { ...(walk ? { walk } : {}), ...(isLeft ? { again: true as const } : {}) }
  look.state = ended === 'lost' ? { everyS } : { ...ended, ...kept, everyS }
  await save(look, ended === 'lost' ? 0 : everyS)
}

/** A connection that was given up meanwhile is left as it is. */
async function save({ deps, connection, state: changes }: Look, dueInS: number): Promise<void> {
  const dueAt = new Date(deps.clock.now() + dueInS * 1000).toISOString()
  await deps.connections.change(connection, connection.connectionId, ({ status }) =>
    status === 'active' ? { changes, dueAt } : undefined,
  )
}

async function feedPage(look: Look, from: string): Promise<Page | undefined> {
  const page = await look.changes.since(from)
  if (page?.isUnsure) look.state = { ...look.state, walk: { at: '' } }
  return page && { ...page, items: page.changed }
}

async function documentsPage({ deps, connection }: At, after: string): Promise<Page> {
  const found = await deps.objects(connection.connectionId, { after }, documentsAtOnce)
  const more = found.length === documentsAtOnce
  return {
    items: found.map((place) => ({ key: place.objectKey, place })),
    next: more ? found.at(-1)?.objectKey : undefined,
    more,
  }
}

/** Judges what a page lists; answers whether something of it is left for the next look. */
async function judgeAll(look: Look, items: readonly Item[]): Promise<boolean> {
  const isAgain = look.state.again === true
  let isLeft = false
  await atOnce(looksAtOnce, items, async (item) => {
    const { told, left } = await judge(look, item, isAgain).catch(passOver(look, item))
    look.told += told
    if (left === 'busy' || (left === 'once' && !isAgain)) isLeft = true
  })
  look.isLeft ||= isLeft
  return isLeft
}

async function judge(at: At, { key, seen, place: known }: Item, isAgain: boolean): Promise<Judged> {
  const { deps, connection, driver, changes } = at
  const { connectionId } = connection
  const [place] = known ? [known] : await deps.objects(connectionId, { key }, 1)
  const row = place && (await deps.documents.get(place))
  if (row?.standing === undefined || row.objectKey !== key || row.connectionId !== connectionId)
    return { told: 0, ...(isFresh(deps, seen) ? { left: 'once' } : {}) }
  // The list may be older than our own last write: it says where to look, and no more.
  if (seen && difference(deps, driver, row, seen) === undefined) return { told: 0 }
  if (isBusy(row)) return { told: 0, left: 'busy' }
  const now = await changes.look(key)
  const step = difference(deps, driver, row, now)
  if (step === undefined) return { told: 0, ...(seen ? { left: 'once' } : {}) }
  // A request of ours that renames a file is over within the minute, and its row says so.
  if (step.change === 'renamed' && deps.driveNames && !isAgain) return { told: 0, left: 'once' }
  const { told, isWritten } = await observe(deps, driver, row, now)
  return { told, ...(isWritten ? {} : { left: 'busy' }) }
}

function isFresh({ clock }: FollowDeps, seen: Seen | undefined): boolean {
  if (seen === undefined || 'gone' in seen) return false
  return (seen.entry.createdAt ?? clock.now()) > clock.now() - freshMs
}

/** What can never be looked at keeps nothing else waiting; a fault that passes ends this look. */
const passOver =
  ({ connection: { connectionId } }: At, { key }: Item) =>
  (error: unknown): Judged => {
    if (!isServiceError(error, 'provider_error') || error.retry.retryable) throw error
    logger.warn('A file in a drive could not be looked at', { connectionId, key, ...errorFields(error) })
    return { told: 0 }
  }
