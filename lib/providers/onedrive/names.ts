import { createHash } from 'node:crypto'
import type { DocumentId, Extension, UserId, UserKey } from '../../ids.ts'
import { userKeyOf } from '../../ids.ts'

/** Where a document lies in the OneDrive. */
export interface Place {
  /** The folders from the root down. */
  readonly folders: readonly string[]
  readonly name: string
  /** Taken when `name` belongs to a document whose id differs in case only: OneDrive does not tell the two apart. */
  readonly otherName: string
}

/**
 * Names that OneDrive refuses although our ids allow them: a trailing dot, DOS devices, `_vti_`.
 * https://support.microsoft.com/office/restrictions-and-limitations-in-onedrive-and-sharepoint-64883a5d-228e-48f5-b3d2-eb39e07630fa
 */
const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d|desktop\.ini)(?:\.|$)|_vti_|\.$/i

/**
 * `{folder}/{userKey}/{documentId}{extension}`; a name that OneDrive refuses gets a hash of itself before it. Whatever is made up
 * has a blank in it, which neither user keys nor document ids can have: so it is nobody else's name.
 */
export function placeOf(
  folder: string | undefined,
  userId: UserId,
  documentId: DocumentId,
  extension: Extension,
): Place {
  const plain = `${documentId}${extension}`
  const marked = `${hashMark(plain)} ${documentId.replaceAll(/\.+$|_vti_/gi, '')}${extension}`
  return {
    folders: [
      ...(folder === undefined ? [] : folder.split('/').filter((segment) => segment !== '')),
      folderOf(userKeyOf(userId)),
    ],
    name: reserved.test(plain) ? marked : plain,
    otherName: marked,
  }
}

/** OneDrive takes `Casey` and `casey` for one folder, so a key with capitals says which of its letters they are: `Casey (10)`. */
export function folderOf(userKey: UserKey): string {
  if (!/[A-Z]/.test(userKey) && !reserved.test(userKey)) return userKey
  const capitals = userKey.replaceAll(/./g, (letter) => (/[A-Z]/.test(letter) ? '1' : '0'))
  return `${userKey.replaceAll(/_vti(?=_)/gi, '$& ')} (${BigInt(`0b${capitals}`).toString(16)})`
}

function hashMark(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** The Graph address of a path below the drive's root; every name percent-encoded. https://learn.microsoft.com/onedrive/developer/rest-api/concepts/addressing-driveitems */
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
