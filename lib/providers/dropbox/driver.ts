import { chunkSize } from '../../contract/limits.ts'
import { providerHttp } from '../../net/provider-http.ts'
import type { Driver } from '../../storage/driver.ts'
import type { DriveOptions } from '../provider.ts'
import { about } from './about.ts'
import { dropboxApi } from './api.ts'
import { dropboxChanges } from './changes.ts'
import { contentHash } from './content-hash.ts'
import { directUrl, readFile } from './download.ts'
import { dropboxError } from './errors.ts'
import { byId, fileNameOf } from './names.ts'
import { findAt, placeError, placeOf, renameFile } from './placement.ts'
import { dropboxSessions } from './sessions.ts'
import { toEntry } from './wire.ts'

export interface DropboxOptions extends DriveOptions {
  /** The folder that the users' folders go into, within the app's own; that itself when absent. */
  readonly folder?: string | undefined
}

/** Dropbox for one connection. Its quirks stand in README.md. */
export function dropboxDriver(options: DropboxOptions): Driver {
  const { connectionId, clock, endpoint, folder } = options
  const errorOf = dropboxError.bind(undefined, connectionId)
  const http = providerHttp({
    ...options,
    provider: about.id,
    mapError: errorOf,
    userAgent: 'Driveway/0.1',
    plainHttp: endpoint?.startsWith('http://') === true,
  })
  const hosts = {
    api: endpoint ?? 'https://api.dropboxapi.com',
    content: endpoint ?? 'https://content.dropboxapi.com',
  }
  const api = dropboxApi(http, hosts)
  const parts = { api, folder, clock, errorOf }

  return {
    provider: about.id,
    traits: {
      // One request may carry 150 MiB; what is larger than a fragment can be gone on with when it breaks off.
      singleRequestBytes: chunkSize,
      // https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-start
      maxBytes: 2 ** 41 - 2 ** 22,
      hash: { ...about.hash, start: contentHash },
      rewrites: () => false,
      legal: fileNameOf,
    },

    stat: async (key, { signal } = {}) => toEntry(await api.get(byId(key), signal)),

    read: (key, range, { signal } = {}) => readFile(api, key, range, signal),

    async write(plan, content, { signal } = {}) {
      const commit = await placeOf(parts, plan, signal)
      try {
        return toEntry(await api.upload(commit, content, signal))
      } catch (error) {
        throw placeError(commit, error)
      }
    },

    async find(plan, { signal } = {}) {
      const found = await findAt(parts, plan, signal)
      return found && toEntry(found)
    },

    // Past the deleted files an app of a team alone may remove, which this is not.
    // https://www.dropbox.com/developers/documentation/http/documentation#files-permanently_delete
    remove: (key, { signal } = {}) => api.remove(byId(key), signal),
    check: ({ signal } = {}) => api.ping(signal),
    sessions: dropboxSessions(parts),

    renaming: { rename: (key, file, { signal } = {}) => renameFile(api, key, file, signal) },
    history: {
      // Each revision says its hash, so the right one is known before it is brought back.
      async restore(key, _version, isIt, { signal } = {}) {
        const { path_lower: path } = await api.get(byId(key), signal)
        const [, ...older] = await api.revisions(byId(key), signal)
        const rev = older.find((revision) => isIt(toEntry(revision)))?.rev
        if (rev === undefined || path === undefined) return undefined
        const entry = toEntry(await api.restore(path, rev, signal))
        return entry.objectKey === key && isIt(entry) ? entry : undefined
      },
    },

    changes: dropboxChanges(http, hosts, api),
    directUrls: { read: (key, { signal } = {}) => directUrl(api, key, signal) },
    space: { usage: ({ signal } = {}) => api.usage(signal) },
  }
}
