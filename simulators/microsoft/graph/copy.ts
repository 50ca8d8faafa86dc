import type { Exchange } from '../../kernel/exchange.ts'
import { GraphFailure, graphError, itemNotFound, nameTaken } from './errors.ts'
import type { GraphCall } from './call.ts'
import { conflictBehavior, existingItem, queryConflict } from './call.ts'
import { referencedFolder } from './write.ts'
import { contentOrigin } from '../drive/links.ts'
import { assertName } from '../drive/names.ts'
import { assertSpace, commitFile, freshAccount } from '../drive/operations.ts'
import type { ConflictBehavior, Context, CopyJob, Item } from '../drive/records.ts'
import { newGuid } from '../drive/ids.ts'
import { addFolder, childNamed, childrenOf, freeName, lineage } from '../drive/tree.ts'
import { copyBody, readBody } from './wire.ts'

/** `/monitor/{job}`: pre-authenticated by its unguessable id. */
export const MONITOR_PATH = /^\/v1\.0\/monitor\/(?<job>[\w-]+)$/u

/**
 * `POST .../copy`: answers 202 at once with a monitor URL; what
 * comes of it, a taken name included, is told there.
 * https://learn.microsoft.com/graph/api/driveitem-copy
 */
export async function copyItem(call: GraphCall): Promise<void> {
  const { context, x } = call
  const source = existingItem(call, 'write')
  const body = await readBody(x, copyBody)
  const conflict = conflictBehavior(body['@microsoft.graph.conflictBehavior'], queryConflict(x, 'fail'))
  const parent =
    referencedFolder(call, body.parentReference) ?? context.tables.items.get(source.parentId ?? '')
  if (parent === undefined) throw graphError(400, 'invalidRequest', 'The root cannot be copied.')
  const name = body.name ?? source.name
  assertName(name, call.account.kind)
  assertSpace(call.account, source.size, undefined)
  if (lineage(context.tables, parent).some((above) => above.id === source.id)) {
    throw graphError(400, 'invalidRequest', 'A folder cannot be copied into itself.')
  }
  const job: CopyJob = { id: newGuid(context.random), status: 'inProgress', resourceId: null, error: null }
  context.tables.copyJobs.put(job.id, job)
  void run(context, job, () => copyTree(context, call.account.email, source, parent, name, conflict))
  await x.send(202, { location: `${contentOrigin(x.origin)}/v1.0/monitor/${job.id}` })
}

async function run(context: Context, job: CopyJob, copy: () => Promise<Item>): Promise<void> {
  try {
    const item = await copy()
    context.tables.copyJobs.put(job.id, { ...job, status: 'completed', resourceId: item.id })
  } catch (error) {
    const code = error instanceof GraphFailure ? error.code : 'generalException'
    const message = error instanceof GraphFailure ? error.message : 'The copy failed.'
    context.tables.copyJobs.put(job.id, { ...job, status: 'failed', error: { code, message } })
  }
}

async function copyTree(
  context: Context,
  email: string,
  source: Item,
  parent: Item,
  name: string,
  conflict: ConflictBehavior,
): Promise<Item> {
  if (source.kind === 'folder') {
    const folder = context.store.transaction(() => {
      const account = freshAccount(context, email)
      const taken = childNamed(context.tables, parent.id, name) !== undefined
      if (taken && conflict !== 'rename') throw nameTaken()
      const free = freeName(context.tables, account, parent.id, name, context.clock.now())
      return addFolder(context, account, parent, taken ? free : name)
    })
    for (const child of childrenOf(context.tables, source.id)) {
      await copyTree(context, email, child, folder, child.name, 'fail')
    }
    return folder
  }
  const blob = newGuid(context.random)
  await context.blobs.copy(source.blob ?? '', blob)
  try {
    const stored = commitFile(context, {
      email,
      parentId: parent.id,
      name,
      conflict,
      ifMatch: null,
      blob,
      size: source.size,
      quickXorHash: source.quickXorHash ?? '',
      sha256: source.sha256 ?? '',
      description: source.description,
      fileSystemInfo: { createdAt: source.fsCreatedAt, modifiedAt: source.fsModifiedAt },
    })
    for (const each of stored.obsolete) await context.blobs.delete(each)
    return stored.item
  } catch (error) {
    await context.blobs.delete(blob)
    throw error
  }
}

/** How far a copy is. It needs no bearer. https://learn.microsoft.com/graph/long-running-actions-overview */
export async function getMonitor(context: Context, x: Exchange): Promise<void> {
  const job = context.tables.copyJobs.get(x.params['job'] ?? '')
  if (job === undefined) throw itemNotFound('The operation was not found.')
  await x.json(job.status === 'inProgress' ? 202 : 200, {
    operation: 'itemCopy',
    status: job.status,
    percentageComplete: job.status === 'completed' ? 100 : 0,
    ...(job.resourceId === null ? {} : { resourceId: job.resourceId }),
    ...(job.error === null ? {} : { error: job.error, errorCode: job.error.code }),
  })
}

/** A copy that was under way when the process died will not come to an end any more. */
export function failAbandonedCopies(context: Context): void {
  for (const job of context.tables.copyJobs.all()) {
    if (job.status !== 'inProgress') continue
    const error = { code: 'generalException', message: 'The copy was interrupted.' }
    context.tables.copyJobs.put(job.id, { ...job, status: 'failed', error })
  }
}
