import { createHash } from 'node:crypto'
import { isServiceError, ServiceError } from '../../errors.ts'
import type { ObjectKey } from '../../ids.ts'
import type { Plan } from '../../storage/driver.ts'
import { markedName, PlaceTaken } from '../../storage/free-name.ts'
import type { DropboxApi } from './api.ts'
import { byId, fileNameOf, pathOf } from './names.ts'
import type { Commit, Metadata } from './wire.ts'
import { isFile } from './wire.ts'

/** What a refusal means to who wrote there: the place is taken, the version another, or the file gone. */
export function placeError({ path, over }: Commit, error: unknown): unknown {
  if (!isServiceError(error)) return error
  const tags = error.context.providerCode?.split('.') ?? []
  if (tags.includes('conflict') && over === 'new') return new PlaceTaken(error.context)
  if (tags.includes('conflict') && over !== 'any') return changedMeanwhile()
  // What a write to the id of a deleted file answers is not documented: the id is right, so there is no path.
  if (path.startsWith('id:') && tags.includes('malformed_path')) return gone(error)
  return error
}

/**
 * Where a plan's content goes. A file that is written over is asked for first: nothing is documented of what
 * a write to the id of a deleted one does, and it must not come back elsewhere.
 */
export async function placeOf(
  { api, folder }: { readonly api: DropboxApi; readonly folder: string | undefined },
  { userId, target }: Pick<Plan, 'userId' | 'target'>,
  signal?: AbortSignal,
): Promise<Commit> {
  if (target.kind === 'new') return { path: pathOf(folder, userId, target.file), over: 'new' }
  const path = byId(target.objectKey)
  const { rev } = await api.get(path, signal)
  const { ifMatch } = target
  if (ifMatch === undefined) return { path, over: 'any' }
  if (rev !== ifMatch) throw changedMeanwhile()
  return { path, over: { rev: ifMatch } }
}

/** What is at a plan's target. Dropbox does not tell `Note` from `note`: a new file's name is its own. */
export async function findAt(
  { api, folder }: { readonly api: DropboxApi; readonly folder: string | undefined },
  { userId, target }: Pick<Plan, 'userId' | 'target'>,
  signal?: AbortSignal,
): Promise<Metadata | undefined> {
  if (target.kind === 'replace') return await api.find(byId(target.objectKey), signal)
  const found = await api.find(pathOf(folder, userId, target.file), signal)
  return found && isFile(found) && found.name === fileNameOf(target.file) ? found : undefined
}

/** Gives a file another name where it lies; PlaceTaken where another has that in any case. */
export async function renameFile(
  api: DropboxApi,
  key: ObjectKey,
  given: string,
  signal?: AbortSignal,
): Promise<void> {
  const file = fileNameOf(given)
  const { path_lower: path, name } = await api.get(byId(key), signal)
  // Without a path it lies in nothing that is mounted here, and nobody sees its name.
  if (path === undefined || name === file) return
  const moves = [file]
  // A move knows no case: from `note` to `Note` it goes by way of a third name.
  // https://www.dropbox.com/developers/documentation/http/documentation#files-move
  if (name.toLowerCase() === file.toLowerCase()) moves.unshift(markedName(file, markOf(key)))
  for (const to of moves.map((other) => `${path.slice(0, path.lastIndexOf('/'))}/${other}`)) {
    try {
      await api.move(byId(key), to, signal)
    } catch (error) {
      throw placeError({ path: to, over: 'new' }, error)
    }
  }
}

const markOf = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 8)

/** The user has edited what a client wanted to write over. */
function changedMeanwhile(): ServiceError {
  return new ServiceError(
    'precondition_failed',
    'The file in the Dropbox is not the one that If-Match names. Read the document again before you write.',
  )
}

const gone = ({ context }: ServiceError): ServiceError =>
  new ServiceError('object_missing', 'The file is no longer in the Dropbox.', { context })
