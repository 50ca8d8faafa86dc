import type { DriveApi } from './api.ts'

/** The folder that new files go into. */
export interface FolderSettings {
  readonly name: string
  /** As it was recorded by `onCreated`; trusted until a file turns out not to be visible in it. */
  readonly id?: string | undefined
  /** Records the id of the folder that was found or made. */
  onCreated(id: string): Promise<void>
}

export interface DriveFolder {
  /** The folder's id; undefined for the drive's root. Found or made when it is not known yet. */
  parent(signal?: AbortSignal): Promise<string | undefined>
  /** `stale` is gone or in the trash: answers a folder that is not. */
  renew(stale: string, signal?: AbortSignal): Promise<string>
}

/**
 * Names are not unique in Drive, so the id is what counts: it is kept on the connection, and a process looks
 * for the folder once. It is not checked before each file: a missing folder answers 404 to the file's
 * creation, and a file in a trashed folder is itself reported as trashed.
 * https://developers.google.com/workspace/drive/api/guides/folder
 */
export function driveFolder(
  api: DriveApi,
  settings: FolderSettings | undefined,
  newId: (signal?: AbortSignal) => Promise<string>,
): DriveFolder {
  let known: Promise<string> | undefined =
    settings?.id === undefined ? undefined : Promise.resolve(settings.id)

  const findOrCreate = async (folder: FolderSettings, signal?: AbortSignal): Promise<string> => {
    let id = await api.findFolder(folder.name, signal)
    if (id === undefined) {
      id = await newId(signal)
      await api.createFolder(id, folder.name, signal)
    }
    await folder.onCreated(id)
    return id
  }

  /** Callers at the same time share one search; one that failed is forgotten. */
  const resolve = (folder: FolderSettings, signal?: AbortSignal): Promise<string> => {
    if (known) return known
    const search = findOrCreate(folder, signal)
    known = search
    search.catch(() => {
      if (known === search) known = undefined
    })
    return search
  }

  return {
    parent: async (signal) => (settings ? resolve(settings, signal) : undefined),
    async renew(stale, signal) {
      // Without a folder of ours, the root is the place that cannot be trashed.
      if (!settings) return 'root'
      if (known && (await known) === stale) known = undefined
      return resolve(settings, signal)
    },
  }
}
