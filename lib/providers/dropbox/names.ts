import { createHash } from 'node:crypto'
import type { UserId, UserKey } from '../../ids.ts'
import { userKeyOf } from '../../ids.ts'
import { capitalsOf, cut, wide } from '../../storage/legal-name.ts'

/** Names that Dropbox never stores. https://help.dropbox.com/organize/file-names */
const disallowed = /^(?:desktop\.ini|thumbs\.db|\.ds_store|icon\r?|\.dropbox(?:\.attr|\.cache)?)$/i
/** Leaves room for a mark: a name here has at most 255 letters. */
const longest = 225

/**
 * A file's name here, in the one form of Unicode that Dropbox keeps. What it refuses gets a hash of itself
 * before it: the blank after that keeps it from being another document's name.
 * https://rclone.org/dropbox/#restricted-filename-characters
 */
export function fileNameOf(given: string): string {
  const signs = given
    .normalize()
    .replaceAll(/[/\\]/g, wide)
    .replaceAll(/\p{Cc}/gu, '\uFFFD')
  const file = cut(signs.replace(/ $/, '\u2420'), longest, (text) => text.length)
  if (!disallowed.test(file)) return file
  return `${createHash('sha256').update(file).digest('hex').slice(0, 16)} ${file}`
}

/** The path of a user's file: `/{folder}/{userKey}/{file}`, from the app's own folder down. */
export function pathOf(folder: string | undefined, userId: UserId, file: string): string {
  const above = (folder ?? '').split('/').filter((segment) => segment !== '')
  return ['', ...above.map(fileNameOf), folderOf(userKeyOf(userId)), fileNameOf(file)].join('/')
}

/** Dropbox takes `Casey` and `casey` for one folder, so a key with capitals says which letters they are. */
export function folderOf(userKey: UserKey): string {
  return /[A-Z]/.test(userKey) ? `${userKey} ${capitalsOf(userKey)}` : userKey
}

/** How a file is named wherever its user has moved it: Dropbox's ids begin so. */
export function byId(key: string): string {
  return key.startsWith('id:') ? key : `id:${key}`
}
