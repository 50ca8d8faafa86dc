import { isServiceError } from '../../errors.ts'
import { providerHttp } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import { plainContentType } from '../../storage/bytes.ts'
import type { Driver } from '../../storage/driver.ts'
import type { DriveOptions } from '../provider.ts'
import { about } from './about.ts'
import type { Condition } from './api.ts'
import { graphApi } from './api.ts'
import { oneDriveChanges } from './changes.ts'
import { locate, readItem } from './download.ts'
import { graphError } from './errors.ts'
import { byId, fileNameOf } from './names.ts'
import { createAt, findItem, overVersion, unlessTaken } from './placement.ts'
import { createQuickXor } from './quick-xor-hash.ts'
import { isWorkAccount, rewrites } from './rewriting.ts'
import { oneDriveSessions } from './sessions.ts'
import { toEntry } from './wire.ts'

export interface OneDriveOptions extends DriveOptions {
  readonly accountId?: string | undefined
  /** The folder that the users' folders go into; the drive's root when absent. */
  readonly folder?: string | undefined
}

/** Versions of one size that are looked at when content has to be restored. */
const mostTried = 5
/** How a drive says that it does not know a call. */
const notKnown = new Set([400, 405, 501])

/** OneDrive through Microsoft Graph for one connection. Its quirks stand in README.md. */
export function oneDriveDriver(options: OneDriveOptions): Driver {
  const { connectionId, accountId, folder } = options
  const endpoint = options.endpoint ?? 'https://graph.microsoft.com'
  const http = providerHttp({
    ...options,
    provider: about.id,
    mapError: (answer) => graphError(connectionId, answer),
    // The form that Graph asks of applications. https://learn.microsoft.com/graph/throttling
    userAgent: 'ISV|Driveway|Driveway/0.1',
    plainHttp: endpoint.startsWith('http://'),
  })
  const root = `${endpoint}/v1.0`
  const graph = graphApi(http, root)
  const byIdAlone = isWorkAccount(accountId) === true
  const parts = { http, graph, byIdAlone, folder: folder === '' ? undefined : folder }

  return {
    provider: about.id,
    traits: {
      // A session creates without ever showing an unfinished file, and cannot carry an empty one.
      // https://github.com/OneDrive/onedrive-api-docs/issues/53
      singleRequestBytes: 0,
      // https://support.microsoft.com/office/restrictions-and-limitations-in-onedrive-and-sharepoint-64883a5d-228e-48f5-b3d2-eb39e07630fa
      maxBytes: 250 * 1024 ** 3,
      hash: { ...about.hash, start: createQuickXor },
      rewrites: (extension) => rewrites(accountId, extension),
      legal: fileNameOf,
    },

    stat: async (key, { signal } = {}) => toEntry(await graph.getItem(byId(key), signal)),
    read: (key, range, { signal } = {}) => readItem(parts, key, range, signal),

    async write(plan, content, { signal } = {}) {
      const contentType = plainContentType(plan.contentType)
      const put = (address: string, condition: Condition) => {
        return graph.putContent(address, { body: content, contentType, condition }, signal)
      }
      const { target } = plan
      return toEntry(
        target.kind === 'replace'
          ? await overVersion(target, (condition) => put(byId(target.objectKey), condition))
          : await createAt(parts, plan.userId, target.file, (address) => put(address, 'new'), signal),
      )
    },

    async find(plan, { signal } = {}) {
      const item = await findItem(parts, plan, signal)
      return item && toEntry(item)
    },

    async remove(key, { permanent = false, signal } = {}) {
      await graph.deleteItem(key, permanent, signal).catch(async (error: unknown) => {
        const cannot = isServiceError(error) && notKnown.has(error.context.providerStatus ?? 0)
        if (!permanent || !cannot) throw error
        await graph.deleteItem(key, false, signal)
      })
    },
    check: ({ signal } = {}) => graph.ping(signal),
    sessions: oneDriveSessions(parts),
    renaming: {
      rename: (key, file, { signal } = {}) => unlessTaken(graph.renameItem(key, fileNameOf(file), signal)),
    },
    history: {
      // Versions have no hash: those of the right size are tried, the newest first.
      async restore(key, { size }, isIt, { signal } = {}) {
        const [, ...older] = await graph.listVersions(key, signal)
        for (const { id } of older.filter((version) => version.size === size).slice(0, mostTried)) {
          await graph.restoreVersion(key, id, signal)
          const entry = toEntry(await graph.getItem(byId(key), signal))
          if (isIt(entry)) return entry
        }
        return undefined
      },
    },
    changes: oneDriveChanges(http, graph, root),
    directUrls: { read: async (key, { signal } = {}) => secret((await locate(parts, key, signal)).url) },
    space: { usage: ({ signal } = {}) => graph.quota(signal) },
  }
}
