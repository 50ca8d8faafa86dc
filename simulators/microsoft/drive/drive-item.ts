import type { Account, Item, Tables } from './records.ts'
import { lineage } from './tree.ts'

/** What it takes to write an item's body: where links point to, and how to make its download URL. */
export interface ItemView {
  tables: Tables
  account: Account
  origin: string
  /** @param version of a past version, its id */
  downloadUrl(item: Item, version?: string | null): string
}

export function eTagOf(item: Item): string {
  return `"{${item.guid}},${item.eVersion}"`
}

export function cTagOf(item: Item): string {
  return `"c:{${item.guid}},${item.cVersion}"`
}

function iso(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z')
}

/** Names below the drive's root, the item's own last. */
export function pathOf(tables: Tables, item: Item): string[] {
  return lineage(tables, item)
    .slice(1)
    .map((each) => each.name)
}

/**
 * The driveItem as Graph shows it. `$select` keeps the named
 * members only, and then the download URL comes only if asked for.
 * https://learn.microsoft.com/graph/api/resources/driveitem
 */
export function driveItem(view: ItemView, item: Item, select: string | null = null): Record<string, unknown> {
  const { tables, account } = view
  const path = pathOf(tables, item)
  const encoded = path.map((name) => encodeURIComponent(name)).join('/')
  const body: Record<string, unknown> = {
    ...(item.kind === 'file' ? { '@microsoft.graph.downloadUrl': view.downloadUrl(item) } : {}),
    createdDateTime: iso(item.createdAt),
    cTag: cTagOf(item),
    eTag: eTagOf(item),
    id: item.id,
    lastModifiedDateTime: iso(item.modifiedAt),
    name: item.name,
    size: item.size,
    webUrl: `${view.origin}/web/${account.driveId}/${encoded}`,
    createdBy: { user: { displayName: account.displayName, id: account.oid } },
    lastModifiedBy: { user: { displayName: account.displayName, id: account.oid } },
    parentReference: parentReference(view, item, path),
    fileSystemInfo: {
      createdDateTime: iso(item.fsCreatedAt),
      lastModifiedDateTime: iso(item.fsModifiedAt),
    },
    ...(item.description === null ? {} : { description: item.description }),
    ...(item.kind === 'file'
      ? { file: { mimeType: item.mimeType, ...hashesOf(account, item) } }
      : { folder: { childCount: item.childCount } }),
    ...(item.parentId === null ? { root: {} } : {}),
  }
  return select === null ? body : selected(body, select)
}

/** Work accounts have no hash of an empty file. https://github.com/OneDrive/onedrive-api-docs/issues/1704 */
function hashesOf(account: Account, item: Item): Record<string, unknown> {
  if (item.size === 0 && account.kind === 'business') return {}
  return { hashes: { quickXorHash: item.quickXorHash } }
}

function parentReference(view: ItemView, item: Item, path: string[]): Record<string, unknown> {
  const drive = { driveId: view.account.driveId, driveType: view.account.kind }
  if (item.parentId === null) return drive
  const parents = path.slice(0, -1)
  const where = parents.map((name) => `/${encodeURIComponent(name)}`).join('')
  return { ...drive, id: item.parentId, name: parents.at(-1) ?? 'root', path: `/drive/root:${where}` }
}

/** `$select`: top-level members by name. Some back ends know the download URL as `content.downloadUrl`. */
export function selected(body: Record<string, unknown>, select: string): Record<string, unknown> {
  const names = select.split(',').map((name) => name.trim().split('/')[0] ?? '')
  const wanted = new Set(
    names.map((name) => name.replace(/^@?content\.downloadUrl$/u, '@microsoft.graph.downloadUrl')),
  )
  return Object.fromEntries(
    Object.entries(body).filter(([key]) => key.startsWith('@odata.') || wanted.has(key)),
  )
}

/**
 * `GET /me/drive`. nearing: under 10 % left, critical: under 1 %.
 * https://learn.microsoft.com/graph/api/resources/quota
 */
export function driveBody(account: Account, fileCount: number): Record<string, unknown> {
  const remaining = Math.max(0, account.limitBytes - account.usedBytes)
  return {
    id: account.driveId,
    driveType: account.kind,
    name: 'OneDrive',
    owner: { user: { displayName: account.displayName, id: account.oid, email: account.email } },
    quota: {
      total: account.limitBytes,
      used: account.usedBytes,
      remaining,
      deleted: account.deletedBytes,
      fileCount,
      state: quotaState(account.limitBytes, account.usedBytes),
    },
  }
}

function quotaState(limit: number, used: number): string {
  const left = limit - used
  if (left <= 0) return 'exceeded'
  if (left < limit / 100) return 'critical'
  return left < limit / 10 ? 'nearing' : 'normal'
}
