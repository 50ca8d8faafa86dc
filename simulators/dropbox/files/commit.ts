import type { AppFolder, Content, DropboxState, Entry } from '../state.ts'
import { KEPT_FOR, newRev, nextNumber } from '../state.ts'
import type { Commit } from './arguments.ts'
import { refused } from './errors.ts'
import type { Place } from './tree.ts'
import { freeName, newId, placeFor } from './tree.ts'

/** What has arrived whole, and is not a file's content yet. */
export interface Arrived {
  blob: string
  size: number
  sha256: string
  contentHash: string
}

// Summed up once for each account and then kept up, so that an upload does not read every file of it.
const sums = new WeakMap<DropboxState, Map<string, number>>()

/**
 * The bytes an account uses. Deleted files and old versions do not count.
 * https://help.dropbox.com/storage-space/what-uses-space
 */
export function usage(state: DropboxState, email: string): number {
  const known = sums.get(state) ?? new Map<string, number>()
  sums.set(state, known)
  const total =
    known.get(email) ??
    state.entries
      .where('account', email)
      .reduce((sum, { content, deletedAt }) => sum + (deletedAt === undefined ? (content?.size ?? 0) : 0), 0)
  known.set(email, total)
  return total
}

/** The account's bytes are summed up anew when they are asked for. */
export function recount(state: DropboxState, email: string): void {
  sums.get(state)?.delete(email)
}

/**
 * Makes what has arrived a file's content, by the rules of its mode; throws 409 under `path`. What is there
 * already with the same content stays as it is, unless `strict_conflict` wants a conflict of that.
 */
export function commitContent(
  state: DropboxState,
  folder: AppFolder,
  commit: Commit,
  arrived: Arrived,
): Entry {
  return state.store.transaction(() => {
    const place = placeFor(state, folder, commit.path, 'path')
    const at = settlePlace(state, folder, place, commit, arrived)
    if (at.entry !== undefined && at.same) return at.entry
    const { email, limitBytes } = folder.account
    const before = at.entry?.content?.size ?? 0
    if (usage(state, email) - before + arrived.size > limitBytes) throw refused('path/insufficient_space')
    const now = state.clock.now()
    const modified = commit.client_modified === undefined ? now : Date.parse(commit.client_modified)
    const content: Content = {
      ...arrived,
      rev: newRev(state),
      clientModified: modified,
      serverModified: now,
    }
    if (at.entry?.content !== undefined) keepPast(state, at.entry.id, at.entry.content)
    const entry: Entry = {
      ...(at.entry ?? { id: newId(state), createdAt: now, account: email, clientId: folder.clientId }),
      name: at.entry?.name ?? at.name,
      parent: at.parent,
      content,
      change: nextNumber(state, 'change'),
    }
    state.entries.put(entry.id, entry)
    recount(state, email)
    return entry
  })
}

/** The old content stays for a while, and can be restored. */
export function keepPast(state: DropboxState, entry: string, content: Content): void {
  const until = state.clock.now() + KEPT_FOR
  state.past.put(`${entry} ${content.rev}`, { entry, content, until })
}

/**
 * Where it goes after all: `same` when there is nothing to do. https://github.com/dropbox/dropbox-api-spec
 * `WriteMode`
 */
function settlePlace(
  state: DropboxState,
  folder: AppFolder,
  place: Place,
  { mode, autorename, strict_conflict: strict }: Commit,
  arrived: Arrived,
): Place & { same: boolean } {
  const { entry } = place
  const aside = (kind: 'file' | 'folder'): Place & { same: boolean } => {
    if (!autorename) throw refused(`path/conflict/${kind}`)
    const name = freeName(state, folder, place, mode.tag === 'update')
    return { parent: place.parent, name, entry: undefined, same: false }
  }
  if (entry === undefined) return mode.tag === 'update' && strict ? aside('file') : { ...place, same: false }
  if (entry.content === undefined) return aside('folder')
  const same = entry.content.contentHash === arrived.contentHash && !strict
  if (same) return { ...place, same }
  if (mode.tag === 'add') return aside('file')
  if (mode.tag === 'update' && mode.update !== entry.content.rev) return aside('file')
  return { ...place, same }
}
