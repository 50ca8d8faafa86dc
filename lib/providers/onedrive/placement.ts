import { isServiceError, ServiceError } from '../../errors.ts'
import type { ObjectKey, UserId } from '../../ids.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import type { Plan } from '../../storage/driver.ts'
import { PlaceTaken } from '../../storage/free-name.ts'
import type { Condition, GraphApi } from './api.ts'
import { byId, byName, byPath, fileNameOf, foldersOf } from './names.ts'
import type { DriveItem } from './wire.ts'

export interface OneDriveParts {
  readonly http: ProviderHttp
  readonly graph: GraphApi
  readonly folder: string | undefined
  /** Sessions can be opened by an item's id alone. */
  readonly byIdAlone: boolean
}

/**
 * Runs a creation, which has to fail with 409 or 412 where something is, at the address of a user's file: so
 * a new document costs no question. PlaceTaken when an item has that name in any case, or an open session
 * holds it.
 */
export async function createAt<Result>(
  { graph, folder }: OneDriveParts,
  userId: UserId,
  file: string,
  create: (address: string) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const folders = foldersOf(folder, userId)
  const address = byPath(folders, fileNameOf(file))
  try {
    return await unlessTaken(create(address))
  } catch (error) {
    // Most accounts make missing folders on the way, some answer 404.
    if (!isServiceError(error, 'object_missing')) throw error
    await graph.createFolders(folders, signal)
    return await unlessTaken(create(address))
  }
}

/**
 * Writes over the version that the target names, if it names one; `precondition_failed` when the item holds
 * another by now.
 */
export async function overVersion<Result>(
  { ifMatch }: { readonly ifMatch?: string },
  write: (condition: Condition) => Promise<Result>,
): Promise<Result> {
  if (ifMatch === undefined) return await write('any')
  try {
    return await write({ ifMatch })
  } catch (error) {
    throw isServiceError(error) && error.context.providerStatus === 412 ? changedMeanwhile() : error
  }
}

/** The user has edited what a client wanted to write over. */
export function changedMeanwhile(): ServiceError {
  return new ServiceError(
    'precondition_failed',
    'The file in the OneDrive is not the one that If-Match names. Read the document again before you write.',
  )
}

/** What a creation answers, or PlaceTaken. */
export async function unlessTaken<Result>(created: Promise<Result>): Promise<Result> {
  try {
    return await created
  } catch (error) {
    const taken = isServiceError(error) && [409, 412].includes(error.context.providerStatus ?? 0)
    throw taken ? new PlaceTaken(error.context) : error
  }
}

/**
 * The item at a plan's target. OneDrive does not tell `Note` from `note`: a new document's name has to be
 * exactly its own.
 */
export async function findItem(
  { graph, folder }: OneDriveParts,
  { userId, target }: Pick<Plan, 'userId' | 'target'>,
  signal?: AbortSignal,
): Promise<DriveItem | undefined> {
  if (target.kind === 'replace') return await graph.findItem(byId(target.objectKey), signal)
  const name = fileNameOf(target.file)
  const item = await graph.findItem(byPath(foldersOf(folder, userId), name), signal)
  return item?.file && item.name === name ? item : undefined
}

/**
 * Where a session for an item is opened: personal accounts refuse one that is addressed by id alone.
 * https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/7838
 */
export async function sessionAddress(
  { graph, byIdAlone }: OneDriveParts,
  key: ObjectKey,
  signal?: AbortSignal,
): Promise<string> {
  if (byIdAlone) return byId(key)
  const { name, parentReference } = await graph.getItem(byId(key), signal)
  return name === undefined || parentReference?.id === undefined
    ? byId(key)
    : byName(parentReference.id, name)
}
