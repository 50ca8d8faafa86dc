import { itemNotFound } from '../graph/errors.ts'
import type { Account, Context, Item, PastVersion, Tables } from './records.ts'

/**
 * How many past versions are kept: the oldest go first.
 * https://support.microsoft.com/office/how-versioning-works-in-lists-and-libraries-0f6cd105-974f-44a4-aadb-43ac5bdfd247
 * https://support.microsoft.com/office/restore-a-previous-version-of-a-file-in-onedrive-159cad6d-d76e-4981-88ef-de6e96c93893
 */
const MOST_PAST: Record<Account['kind'], number> = { personal: 24, business: 499 }

/** The id of the version that has this number: `3.0`. */
export function versionId(number: number): string {
  return `${String(number)}.0`
}

/**
 * The item's content becomes a past version, as other content is about to take its place.
 * @returns blobs that nothing refers to any more
 */
export function supersede({ tables }: Context, account: Account, item: Item): string[] {
  if (item.blob === null) return []
  const { blob, size, quickXorHash, sha256, mimeType, modifiedAt, cVersion: number } = item
  const id = `${item.id}|${versionId(number)}`
  const past = { blob, size, quickXorHash, sha256, mimeType, modifiedAt, number }
  tables.versions.put(id, { id, item: item.id, ...past })
  const all = tables.versions.where('item', item.id)
  return forget(tables, all.slice(0, Math.max(0, all.length - MOST_PAST[account.kind])))
}

/** Past versions, the newest first. */
export function pastVersions(tables: Tables, item: Item): PastVersion[] {
  return tables.versions.where('item', item.id).toReversed()
}

/** A past version by its id, or 404. */
export function versionOf(tables: Tables, item: Item, id: string): PastVersion {
  const found = tables.versions.get(`${item.id}|${id}`)
  if (found === undefined) throw itemNotFound('The version was not found.')
  return found
}

/** Forgets all past versions of an item that is gone. @returns their blobs */
export function forgetVersions(tables: Tables, item: Item): string[] {
  return forget(tables, tables.versions.where('item', item.id))
}

function forget(tables: Tables, versions: readonly PastVersion[]): string[] {
  for (const version of versions) tables.versions.delete(version.id)
  return versions.map(({ blob }) => blob)
}
