import { createHash } from 'node:crypto'
import { chunkSize } from '../../contract/limits.ts'
import { providerHttp } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import type { ByteRange } from '../../storage/bytes.ts'
import { rangeNotSatisfiable, resolveRange } from '../../storage/bytes.ts'
import type { Driver } from '../../storage/driver.ts'
import { markedName } from '../../storage/free-name.ts'
import type { DriveOptions } from '../provider.ts'
import { rawContent } from '../raw-content.ts'
import { about } from './about.ts'
import { dropboxApi } from './api.ts'
import { contentHash } from './content-hash.ts'
import { dropboxError } from './errors.ts'
import { byId, fileNameOf } from './names.ts'
import { findAt, placeError, placeOf } from './placement.ts'
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
  const api = dropboxApi(http, {
    api: endpoint ?? 'https://api.dropboxapi.com',
    content: endpoint ?? 'https://content.dropboxapi.com',
  })
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

    async read(key, range, { signal } = {}) {
      const { answer, metadata } = await api.download(byId(key), range && header(range), signal)
      if (metadata === undefined) {
        answer.body.resume()
        throw rangeNotSatisfiable(toEntry(await api.get(byId(key), signal)).size)
      }
      try {
        const entry = toEntry(metadata)
        return rawContent(entry, answer, range && resolveRange(range, entry.size))
      } catch (error) {
        answer.body.destroy()
        throw error
      }
    },

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

    renaming: {
      async rename(key, given, { signal } = {}) {
        const file = fileNameOf(given)
        const { path_lower: path = '', name } = await api.get(byId(key), signal)
        const beside = (other: string): string => `${path.slice(0, path.lastIndexOf('/'))}/${other}`
        if (name === file) return
        const moves = [file]
        // A move knows no case: from `note` to `Note` it goes by way of a third name.
        // https://www.dropbox.com/developers/documentation/http/documentation#files-move
        if (name.toLowerCase() === file.toLowerCase()) moves.unshift(markedName(file, markOf(key)))
        for (const to of moves.map(beside)) {
          try {
            await api.move(byId(key), to, signal)
          } catch (error) {
            throw placeError({ path: to, over: 'new' }, error)
          }
        }
      },
    },

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

    directUrls: { read: async (key, { signal } = {}) => secret(await api.link(byId(key), signal)) },
    space: { usage: ({ signal } = {}) => api.usage(signal) },
  }
}

/** The size is in the answer, so the range goes as it was asked for. */
function header(range: ByteRange): string {
  return 'suffix' in range
    ? `bytes=-${String(range.suffix)}`
    : `bytes=${String(range.start)}-${String(range.end ?? '')}`
}

function markOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8)
}
