import type { GraphCall } from './call.ts'
import { existingItem } from './call.ts'
import { graphError, itemNotFound } from './errors.ts'
import { odata } from './read.ts'
import { versionOf } from '../drive/history.ts'
import { commitFile } from '../drive/operations.ts'
import { newGuid } from '../drive/ids.ts'

/**
 * `GET .../versions`: the newest, which is the current one, first.
 * https://learn.microsoft.com/graph/api/driveitem-list-versions
 */
export async function listVersions(call: GraphCall): Promise<void> {
  const item = existingItem(call, 'read')
  if (item.kind === 'folder') throw graphError(400, 'invalidRequest', 'A folder has no versions.')
  const versions = [...(item.versions ?? []), versionOf(item)].toReversed()
  await call.x.json(200, {
    ...odata(call, 'drives/$entity/items/$entity/versions'),
    value: versions.map(({ id, size, modifiedAt }) => ({
      id,
      size,
      lastModifiedDateTime: new Date(modifiedAt).toISOString(),
    })),
  })
}

/**
 * `POST .../versions/{id}/restoreVersion`: a new version with the content of an older one.
 * https://learn.microsoft.com/graph/api/driveitemversion-restore
 */
export async function restoreVersion(call: GraphCall, id: string): Promise<void> {
  const { context, account } = call
  const item = existingItem(call, 'write')
  const version = item.versions?.find((each) => each.id === id)
  if (version === undefined || item.parentId === null) throw itemNotFound('The version was not found.')
  const blob = newGuid(context.random)
  await context.blobs.copy(version.blob, blob)
  const { size, quickXorHash, sha256 } = version
  const stored = commitFile(context, {
    email: account.email,
    parentId: item.parentId,
    name: item.name,
    conflict: 'replace',
    ifMatch: null,
    blob,
    size,
    quickXorHash: quickXorHash ?? '',
    sha256: sha256 ?? '',
  })
  if (stored.obsolete !== null) await context.blobs.delete(stored.obsolete)
  await call.x.send(204, {})
}
