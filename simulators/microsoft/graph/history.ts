import { restoreContent, unbinItem } from '../drive/restore.ts'
import type { Item } from '../drive/records.ts'
import { newGuid } from '../drive/ids.ts'
import { pastVersions, versionId, versionOf } from '../drive/versions.ts'
import type { GraphCall } from './call.ts'
import { existingItem } from './call.ts'
import { graphError, itemNotFound } from './errors.ts'
import { odata } from './read.ts'
import { readBody, restoreBody } from './wire.ts'
import { answerItem, referencedFolder } from './write.ts'

/** `GET .../versions`: the one that is shown first, then the past ones, the newest first. */
export async function listVersions(call: GraphCall): Promise<void> {
  const item = versioned(call, 'read')
  const past = pastVersions(call.context.tables, item)
  const value = [currentVersion(item), ...past].map((version) => toBody(call, version))
  await call.x.json(200, { ...odata(call, 'Collection(driveItemVersion)'), value })
}

/** `GET .../versions/{id}`. https://learn.microsoft.com/graph/api/driveitemversion-get */
export async function getVersion(call: GraphCall): Promise<void> {
  const item = versioned(call, 'read')
  const id = call.address.version ?? ''
  const current = currentVersion(item)
  const found = ['current', versionId(current.number)].includes(id)
    ? current
    : versionOf(call.context.tables, item, id)
  await call.x.json(200, { ...odata(call, 'driveItemVersion'), ...toBody(call, found) })
}

/**
 * `GET .../versions/{id}/content`: 302 as for the item's own content. What is shown has no such URL.
 * https://learn.microsoft.com/graph/api/driveitemversion-get-contents
 */
export async function getVersionContent(call: GraphCall): Promise<void> {
  const item = versioned(call, 'read')
  const { number } = pastVersion(call, item, 'You cannot get the content of the current version.')
  const location = call.view.downloadUrl(item, versionId(number))
  await call.x.send(302, { location, 'cache-control': 'no-store' })
}

/**
 * `POST .../versions/{id}/restoreVersion`: its content is shown again, as a new version.
 * https://learn.microsoft.com/graph/api/driveitemversion-restore
 */
export async function restoreVersion(call: GraphCall): Promise<void> {
  const item = versioned(call, 'write')
  const { context, account } = call
  const past = pastVersion(call, item, 'The current version cannot be restored.')
  const blob = newGuid(context.random)
  await context.blobs.copy(past.blob, blob)
  try {
    const { obsolete } = restoreContent(context, account.email, item, past, blob)
    for (const each of obsolete) await context.blobs.delete(each)
  } catch (error) {
    await context.blobs.delete(blob)
    throw error
  }
  await call.x.send(204, {})
}

/**
 * `POST .../restore`: out of the recycle bin. Personal accounts only.
 * https://learn.microsoft.com/graph/api/driveitem-restore
 */
export async function restoreItem(call: GraphCall): Promise<void> {
  const { context, account, address } = call
  if (account.kind !== 'personal') {
    throw graphError(501, 'notSupported', 'The request is not supported by the system.')
  }
  const body = await readBody(call.x, restoreBody)
  const id = address.anchor?.at === 'item' ? address.anchor.id : ''
  const item = context.tables.items.get(id) ?? context.tables.items.get(id.toUpperCase())
  if (item === undefined || item.account !== account.email || item.deletedAt === null) throw itemNotFound()
  const parent = referencedFolder(call, body.parentReference ?? undefined)?.id ?? item.parentId ?? ''
  await answerItem(call, 200, unbinItem(context, account.email, item, parent, body.name ?? item.name))
}

function versioned(call: GraphCall, need: 'read' | 'write'): Item {
  const item = existingItem(call, need)
  if (item.kind === 'folder') throw graphError(400, 'invalidRequest', 'A folder has no versions.')
  return item
}

function pastVersion(call: GraphCall, item: Item, refusal: string): ReturnType<typeof versionOf> {
  const id = call.address.version ?? ''
  if (id === 'current' || id === versionId(item.cVersion)) throw graphError(400, 'invalidRequest', refusal)
  return versionOf(call.context.tables, item, id)
}

interface Shown {
  number: number
  size: number
  modifiedAt: number
}

function currentVersion(item: Item): Shown {
  return { number: item.cVersion, size: item.size, modifiedAt: item.modifiedAt }
}

function toBody({ account }: GraphCall, { number, size, modifiedAt }: Shown): Record<string, unknown> {
  return {
    id: versionId(number),
    lastModifiedDateTime: new Date(modifiedAt).toISOString(),
    lastModifiedBy: { user: { displayName: account.displayName, id: account.oid } },
    size,
  }
}
