import { newItem } from './accounts.ts'
import { graphError, itemNotFound, nameTaken } from '../graph/errors.ts'
import { assertName, childKey, nameKey, numberedName } from './names.ts'
import type { Account, Context, Item, Tables } from './records.ts'

/** The living child of that name, compared without regard to case. */
export function childNamed(tables: Tables, parentId: string, name: string): Item | undefined {
  return tables.items.where('child', childKey(parentId, name))[0]
}

/** The living children, by name. */
export function childrenOf(tables: Tables, parentId: string): Item[] {
  return tables.items.where('parent', parentId).sort(byName)
}

function byName(a: Item, b: Item): number {
  return nameKey(a.name) < nameKey(b.name) ? -1 : 1
}

/** The item and everything below it that was not deleted before. */
export function subtree(tables: Tables, item: Item): Item[] {
  const found = [item]
  for (let i = 0; i < found.length; i++) {
    const next = found[i]
    if (next?.kind === 'folder') found.push(...tables.items.where('parent', next.id))
  }
  return found
}

/** Delta tells what lies in a folder that goes to the recycle bin or comes back, too. */
export function touch(tables: Tables, item: Item): void {
  for (const each of subtree(tables, item).slice(1)) tables.items.put(each.id, each)
}

/** From the drive's root down to the item itself. */
export function lineage(tables: Tables, item: Item): Item[] {
  const line = [item]
  for (let parent = item.parentId; parent !== null;) {
    const above = tables.items.get(parent)
    if (above === undefined) break
    line.unshift(above)
    parent = above.parentId
  }
  return line
}

/** Whether neither the item nor anything above it is in the recycle bin. */
export function isAlive(tables: Tables, item: Item): boolean {
  return lineage(tables, item).every((each) => each.deletedAt === null)
}

/** The living item with that id in the account's drive, or 404. */
export function itemById(tables: Tables, account: Account, id: string): Item {
  const item = tables.items.get(id) ?? tables.items.get(id.toUpperCase())
  if (item === undefined || item.account !== account.email || !isAlive(tables, item)) throw itemNotFound()
  return item
}

/** Follows names down from an item; undefined when one of them is missing. */
export function descend(tables: Tables, from: Item, path: string[]): Item | undefined {
  let at: Item | undefined = from
  for (const name of path) {
    if (at === undefined) return undefined
    at = childNamed(tables, at.id, name)
  }
  return at
}

/**
 * Like `descend`, making the folders that are missing, as path addressing does on writes.
 * Throws 409 where a file stands in the way.
 */
export function descendOrCreate(context: Context, account: Account, from: Item, path: string[]): Item {
  let at = from
  for (const name of path) {
    if (at.kind === 'file') throw graphError(409, 'nameAlreadyExists', 'A file is in the place of a folder.')
    at = childNamed(context.tables, at.id, name) ?? addFolder(context, account, at, name)
  }
  if (at.kind === 'file') throw graphError(409, 'nameAlreadyExists', 'A file is in the place of a folder.')
  return at
}

/** Stores a new, empty folder. The caller has made sure that the name is free. */
export function addFolder(context: Context, account: Account, parent: Item, name: string): Item {
  const { tables } = context
  const now = context.clock.now()
  assertName(name, account.kind)
  if (isHeld(tables, account, parent.id, name, now)) throw nameHeld()
  const folder = newItem(context, account, parent.id, name, 'folder')
  storeItem(tables, account, folder)
  folderChanged(tables, parent.id, { children: 1, bytes: 0 }, now)
  return folder
}

export function storeItem(tables: Tables, account: Account, item: Item): void {
  tables.items.put(item.id, item)
  tables.accounts.put(account.email, account)
}

/**
 * A folder shows the bytes below it; its own count, times and tags
 * move when a direct child comes, goes or changes.
 */
export function folderChanged(
  tables: Tables,
  folderId: string | null,
  change: { children: number; bytes: number },
  now: number,
): void {
  let direct = true
  for (let id = folderId; id !== null;) {
    const folder = tables.items.get(id)
    if (folder === undefined) return
    if (direct) {
      folder.childCount += change.children
      folder.modifiedAt = now
      folder.eVersion += 1
      folder.cVersion += 1
    }
    folder.size += change.bytes
    tables.items.put(id, folder)
    id = folder.parentId
    direct = false
  }
}

/**
 * Whether an open upload session holds the name. Only work accounts: their sessions put a
 * hidden stub in place until they end. https://github.com/OneDrive/onedrive-api-docs/issues/747
 */
export function isHeld(
  tables: Tables,
  account: Account,
  parentId: string,
  name: string,
  now: number,
): boolean {
  if (account.kind !== 'business') return false
  return tables.sessions.where('target', childKey(parentId, name)).some((session) => session.expiresAt > now)
}

export function nameHeld(): Error {
  return nameTaken(
    'A file with the same name is currently being uploaded. Change the filename and try to save again.',
  )
}

/** The first of `name`, `name 1`, `name 2`, ... that is neither there nor held. */
export function freeName(
  tables: Tables,
  account: Account,
  parentId: string,
  name: string,
  now: number,
): string {
  const taken = (candidate: string) =>
    childNamed(tables, parentId, candidate) !== undefined || isHeld(tables, account, parentId, candidate, now)
  let candidate = name
  for (let n = 1; taken(candidate); n++) candidate = numberedName(name, n)
  return candidate
}
