import { createHash } from 'node:crypto'
import type { UserId, UserKey } from '../../ids.ts'
import { userKeyOf } from '../../ids.ts'
import { capitalsOf, cut, wide } from '../../storage/legal-name.ts'

/**
 * Names that OneDrive refuses although every sign in them is allowed: DOS devices, `_vti_`, a trailing dot.
 * https://support.microsoft.com/office/restrictions-and-limitations-in-onedrive-and-sharepoint-64883a5d-228e-48f5-b3d2-eb39e07630fa
 */
const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d|desktop\.ini)(?:\.|$)|^\.lock$|_vti_|\.$/i
/** Leaves room for a mark: a name here has at most 255 UTF-16 units. */
const longest = 225

/** The folders of a user's files, from the root down: `{folder}/{userKey}`, in names that OneDrive takes. */
export function foldersOf(folder: string | undefined, userId: UserId): readonly string[] {
  const above = folder === undefined ? [] : folder.split('/').filter((segment) => segment !== '')
  return [...above.map(fileNameOf), folderOf(userKeyOf(userId))]
}

/**
 * A file's name here: one that OneDrive refuses gets a hash of itself before it. The blank after it, which no
 * document id can have, keeps it from being another document's name.
 */
export function fileNameOf(given: string): string {
  const file = cut(
    given.replaceAll(/["*:<>?/\\|]|^~/g, wide).replaceAll(/^ | $/g, '\u2420'),
    longest,
    (text) => text.length,
  )
  return reserved.test(file) ? `${hashMark(file)} ${file.replaceAll(/\.+$|_vti_/gi, '')}` : file
}

/**
 * OneDrive takes `Casey` and `casey` for one folder, so a key with capitals says which of its letters they
 * are: `Casey (10)`.
 */
export function folderOf(userKey: UserKey): string {
  if (!/[A-Z]/.test(userKey) && !reserved.test(userKey)) return userKey
  return `${userKey.replaceAll(/_vti(?=_)/gi, '$& ')} ${capitalsOf(userKey)}`
}

function hashMark(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/**
 * The Graph address of a path below the drive's root; every name percent-encoded.
 * https://learn.microsoft.com/onedrive/developer/rest-api/concepts/addressing-driveitems
 */
export function byPath(folders: readonly string[], name: string): string {
  return `/me/drive/root:/${[...folders, name].map(encodeURIComponent).join('/')}:`
}

/** The Graph address of an item, wherever the user has moved it. */
export function byId(id: string): string {
  return `/me/drive/items/${encodeURIComponent(id)}`
}

/** The Graph address of a name in a folder. */
export function byName(folderId: string, name: string): string {
  return `${byId(folderId)}:/${encodeURIComponent(name)}:`
}
