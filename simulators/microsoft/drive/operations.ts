import { newItem } from './accounts.ts'
import { cTagOf, eTagOf } from './drive-item.ts'
import { graphError, itemNotFound, nameTaken, quotaReached } from '../graph/errors.ts'
import { assertName } from './names.ts'
import type { Account, ConflictBehavior, Context, FileSystemInfo, Item } from './records.ts'
import { mimeTypeOf } from './mime-types.ts'
import {
  childNamed,
  folderChanged,
  freeName,
  isAlive,
  isHeld,
  lineage,
  nameHeld,
  storeItem,
  subtree,
  touch,
} from './tree.ts'
import { forgetVersions, supersede } from './versions.ts'

/** Content that is on disk already, and where it is to appear. */
export interface NewFile {
  email: string
  parentId: string
  name: string
  conflict: ConflictBehavior
  ifMatch: string | null
  blob: string
  size: number
  quickXorHash: string
  sha256: string
  description?: string | null
  fileSystemInfo?: FileSystemInfo
  /** The session whose own hold on the name does not count. */
  sessionId?: string
}

export interface Stored {
  item: Item
  created: boolean
  /** Blobs that nothing refers to any more. */
  obsolete: string[]
}

/** The account as stored now; every change starts from it. */
export function freshAccount({ tables }: Context, email: string): Account {
  const account = tables.accounts.get(email)
  if (account === undefined) throw itemNotFound()
  return account
}

/** Throws 412 unless `ifMatch` is absent, `*`, or the item's eTag or cTag. */
export function assertMatch(item: Item | undefined, ifMatch: string | null): void {
  if (ifMatch === null) return
  // The tags hold a comma themselves, so the list is not split at commas.
  const wanted: string[] = ifMatch.match(/"[^"]*"|\*/gu) ?? [`"${ifMatch.trim()}"`]
  if (item !== undefined && ['*', eTagOf(item), cTagOf(item)].some((tag) => wanted.includes(tag))) return
  throw graphError(412, 'resourceModified', 'ETag does not match current item', 'entityTagDoesNotMatch')
}

/** Throws 507 when `size` more bytes, less those of the file that they replace, do not fit. */
export function assertSpace(account: Account, size: number, replaced: Item | undefined): void {
  if (account.usedBytes - (replaced?.size ?? 0) + size > account.limitBytes) throw quotaReached()
}

/**
 * Puts stored content under its name, atomically: a new file, or a new version of the one that is there.
 * Throws 409 (conflict behaviour `fail`, or a folder in the way), 412 and 507.
 */
export function commitFile(context: Context, file: NewFile): Stored {
  return context.store.transaction(() => {
    const { tables } = context
    const now = context.clock.now()
    const account = freshAccount(context, file.email)
    const parent = tables.items.get(file.parentId)
    if (parent === undefined || !isAlive(tables, parent))
      throw itemNotFound('The parent folder was not found')
    if (file.sessionId !== undefined) tables.sessions.delete(file.sessionId)
    const existing = childNamed(tables, parent.id, file.name)
    assertMatch(existing, file.ifMatch)
    if (existing !== undefined && file.conflict !== 'rename') {
      if (file.conflict === 'fail' || existing.kind === 'folder') throw nameTaken()
      return replaceContent(context, account, existing, file, now)
    }
    const name = file.conflict === 'rename' ? freeName(tables, account, parent.id, file.name, now) : file.name
    if (isHeld(tables, account, parent.id, name, now)) throw nameHeld()
    assertSpace(account, file.size, undefined)
    const item = newItem(context, account, parent.id, name, 'file')
    Object.assign(item, contentOf(file), times(file, now), { description: file.description ?? null })
    account.usedBytes += file.size
    storeItem(tables, account, item)
    folderChanged(tables, parent.id, { children: 1, bytes: file.size }, now)
    return { item, created: true, obsolete: [] }
  })
}

function replaceContent(
  context: Context,
  account: Account,
  existing: Item,
  file: NewFile,
  now: number,
): Stored {
  assertSpace(account, file.size, existing)
  const obsolete = supersede(context, account, existing)
  account.usedBytes += file.size - existing.size
  const item: Item = {
    ...existing,
    ...contentOf(file),
    ...times(file, now, existing),
    description: file.description ?? existing.description,
    modifiedAt: now,
    eVersion: existing.eVersion + 1,
    cVersion: existing.cVersion + 1,
  }
  storeItem(context.tables, account, item)
  folderChanged(context.tables, item.parentId, { children: 0, bytes: file.size - existing.size }, now)
  return { item, created: false, obsolete }
}

function contentOf(file: NewFile) {
  const { blob, size, quickXorHash, sha256 } = file
  return { blob, size, quickXorHash, sha256, mimeType: mimeTypeOf(file.name) }
}

function times(file: NewFile, now: number, existing?: Item) {
  return {
    fsCreatedAt: file.fileSystemInfo?.createdAt ?? existing?.fsCreatedAt ?? now,
    fsModifiedAt: file.fileSystemInfo?.modifiedAt ?? now,
  }
}

export interface Change {
  name?: string
  parentId?: string
  description?: string
  fileSystemInfo?: FileSystemInfo
  conflict: ConflictBehavior
}

/**
 * Renames, moves, or changes times and description. A move below
 * itself is 400; a taken name 409 unless `rename` or `replace`.
 */
export function changeItem(
  context: Context,
  email: string,
  id: string,
  change: Change,
  ifMatch: string | null,
): Item {
  return context.store.transaction(() => {
    const { tables } = context
    const now = context.clock.now()
    const account = freshAccount(context, email)
    const item = tables.items.get(id)
    if (item === undefined) throw itemNotFound()
    assertMatch(item, ifMatch)
    const parentId = change.parentId ?? item.parentId
    let name = change.name ?? item.name
    const moves = parentId !== item.parentId || name !== item.name
    if (moves && item.parentId === null)
      throw graphError(400, 'invalidRequest', 'The root cannot be moved or renamed.')
    if (moves && parentId !== null) {
      assertName(name, account.kind)
      name = makeRoom(context, account, item, parentId, name, change.conflict, now)
      if (parentId !== item.parentId) {
        folderChanged(tables, item.parentId, { children: -1, bytes: -item.size }, now)
        folderChanged(tables, parentId, { children: 1, bytes: item.size }, now)
      }
    }
    const changed: Item = {
      ...item,
      parentId,
      name,
      mimeType: item.kind === 'file' ? mimeTypeOf(name) : '',
      description: change.description ?? item.description,
      fsCreatedAt: change.fileSystemInfo?.createdAt ?? item.fsCreatedAt,
      fsModifiedAt: change.fileSystemInfo?.modifiedAt ?? item.fsModifiedAt,
      modifiedAt: now,
      eVersion: item.eVersion + 1,
    }
    tables.items.put(id, changed)
    return changed
  })
}

/** Applies the conflict behaviour at the place where `item` is to go; returns the name that it gets there. */
function makeRoom(
  context: Context,
  account: Account,
  item: Item,
  parentId: string,
  name: string,
  conflict: ConflictBehavior,
  now: number,
): string {
  const { tables } = context
  const parent = tables.items.get(parentId)
  if (parent === undefined || parent.kind !== 'folder' || !isAlive(tables, parent)) throw itemNotFound()
  if (lineage(tables, parent).some((above) => above.id === item.id)) {
    throw graphError(400, 'invalidRequest', 'An item cannot be moved into itself.')
  }
  const other = childNamed(tables, parentId, name)
  const taken = other !== undefined && other.id !== item.id
  if (conflict === 'rename' && taken) return freeName(tables, account, parentId, name, now)
  if (isHeld(tables, account, parentId, name, now)) throw nameHeld()
  if (!taken) return name
  if (conflict !== 'replace' || other.kind === 'folder') throw nameTaken()
  binItem(context, account, other, now)
  return name
}

/** Moves the item to the recycle bin: gone for every call, and still counted against the quota. */
export function binItem(context: Context, account: Account, item: Item, now: number): void {
  const { tables } = context
  if (item.parentId === null) throw graphError(403, 'accessDenied', 'The root cannot be deleted.')
  const fresh = freshAccount(context, account.email)
  touch(tables, item)
  tables.items.put(item.id, { ...item, deletedAt: now })
  tables.accounts.put(fresh.email, { ...fresh, deletedBytes: fresh.deletedBytes + item.size })
  folderChanged(tables, item.parentId, { children: -1, bytes: -item.size }, now)
}

/** Removes the item and all below it for good. Returns the blobs that nothing refers to any more. */
export function purgeItem(context: Context, email: string, item: Item): string[] {
  return context.store.transaction(() => {
    const { tables } = context
    if (item.parentId === null) throw graphError(403, 'accessDenied', 'The root cannot be deleted.')
    const account = freshAccount(context, email)
    const gone = subtree(tables, item)
    for (const each of gone) tables.items.delete(each.id)
    tables.accounts.put(email, { ...account, usedBytes: account.usedBytes - item.size })
    folderChanged(tables, item.parentId, { children: -1, bytes: -item.size }, context.clock.now())
    return gone.flatMap((each) => [each.blob ?? [], forgetVersions(tables, each)].flat())
  })
}
