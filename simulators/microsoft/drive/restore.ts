import { itemNotFound, nameTaken } from '../graph/errors.ts'
import { assertName } from './names.ts'
import type { Stored } from './operations.ts'
import { assertSpace, freshAccount } from './operations.ts'
import type { Context, Item, PastVersion } from './records.ts'
import { childNamed, folderChanged, isAlive, storeItem, touch } from './tree.ts'
import { supersede } from './versions.ts'

/** Shows a past version's content again, copied into `blob`, under the next number; nothing is lost. */
export function restoreContent(
  context: Context,
  email: string,
  item: Item,
  from: PastVersion,
  blob: string,
): Stored {
  return context.store.transaction(() => {
    const account = freshAccount(context, email)
    const { size, sha256, mimeType } = from
    const now = context.clock.now()
    assertSpace(account, size, item)
    const obsolete = supersede(context, account, item)
    account.usedBytes += size - item.size
    const restored: Item = {
      ...item,
      blob,
      size,
      sha256,
      mimeType,
      quickXorHash: from.quickXorHash,
      modifiedAt: now,
      fsModifiedAt: now,
      eVersion: item.eVersion + 1,
      cVersion: item.cVersion + 1,
    }
    storeItem(context.tables, account, restored)
    folderChanged(context.tables, item.parentId, { children: 0, bytes: size - item.size }, now)
    return { item: restored, created: false, obsolete }
  })
}

/**
 * Takes an item out of the recycle bin, back to where it was or to another folder or name.
 * Throws 404 when its folder is gone, 409 when the name is taken there.
 */
export function unbinItem(context: Context, email: string, item: Item, parentId: string, name: string): Item {
  return context.store.transaction(() => {
    const { tables } = context
    const now = context.clock.now()
    const account = freshAccount(context, email)
    const parent = tables.items.get(parentId)
    if (parent === undefined || !isAlive(tables, parent))
      throw itemNotFound('The parent folder was not found')
    assertName(name, account.kind)
    if (childNamed(tables, parentId, name) !== undefined) throw nameTaken()
    const back: Item = { ...item, parentId, name, deletedAt: null, eVersion: item.eVersion + 1 }
    tables.items.put(item.id, back)
    touch(tables, back)
    tables.accounts.put(email, { ...account, deletedBytes: account.deletedBytes - item.size })
    folderChanged(tables, parentId, { children: 1, bytes: item.size }, now)
    return back
  })
}
