import { ServiceError } from '../../errors.ts'
import type { ObjectKey } from '../../ids.ts'
import { objectKey } from '../../ids.ts'
import { providerHttp } from '../../net/provider-http.ts'
import type { ContentSource } from '../../storage/bytes.ts'
import { hexDigest } from '../../storage/bytes.ts'
import type { Driver, ObjectEntry } from '../../storage/driver.ts'
import { writeWhole } from '../../storage/write-whole.ts'
import type { DriveOptions } from '../provider.ts'
import { about } from './about.ts'
import { driveApi } from './api.ts'
import { driveChanges } from './changes.ts'
import { readFile, readRevision } from './download.ts'
import { driveError } from './errors.ts'
import type { FolderSettings } from './folder.ts'
import { driveFolder } from './folder.ts'
import { multipartBytes, writeFile } from './multipart.ts'
import type { ReservedIds } from './reserved-ids.ts'
import { reservedIds } from './reserved-ids.ts'
import type { DriveParts } from './sessions.ts'
import { driveSessions, findFile } from './sessions.ts'
import { toEntry } from './wire.ts'

export interface GoogleDriveOptions extends DriveOptions {
  /** The folder that new files go into; the drive's root when absent. */
  readonly folder?: FolderSettings | undefined
  /** The process's; one of its own when absent. */
  readonly reserved?: ReservedIds
}

/** Google Drive v3 for one connection. Its quirks stand in README.md. */
export function googleDriveDriver(options: GoogleDriveOptions): Driver {
  const { connectionId, clock, folder: settings, reserved = reservedIds() } = options
  const rootUrl = `${options.endpoint ?? 'https://www.googleapis.com'}/`
  const http = providerHttp({
    ...options,
    provider: about.id,
    mapError: (answer) => driveError(connectionId, answer),
    userAgent: 'Driveway/0.1',
    plainHttp: rootUrl.startsWith('http://'),
  })
  const api = driveApi(http, rootUrl)
  const reserve = (signal?: AbortSignal): Promise<string> => reserved.take(connectionId, api, signal)
  const folder = driveFolder(api, settings, reserve)
  const parts: DriveParts = { http, api, rootUrl, clock, folder }

  const stat = async (key: ObjectKey, signal?: AbortSignal): Promise<ObjectEntry> => {
    const file = await findFile(api, key, signal)
    if (file) return toEntry(file)
    throw new ServiceError('object_missing', 'The file is no longer in the Google Drive.', {
      context: { connectionId },
    })
  }

  const driver: Driver = {
    provider: about.id,
    traits: {
      singleRequestBytes: multipartBytes,
      // https://support.google.com/drive/answer/37603
      maxBytes: 5 * 1024 ** 4,
      hash: { ...about.hash, md5: true, start: () => hexDigest('sha256') },
      rewrites: () => false,
    },

    stat: (key, { signal } = {}) => stat(key, signal),
    read: (key, range, { signal } = {}) => readFile(parts, stat, key, range, signal),
    write: (plan, content, { signal } = {}) => writeFile(parts, plan, content, signal),

    async find({ target: { objectKey: key } }, { signal } = {}) {
      const file = key === undefined ? undefined : await findFile(api, key, signal)
      return file && toEntry(file)
    },

    async remove(key, { permanent, signal } = {}) {
      if (permanent) return await api.deleteFile(key, signal)
      // A user can take it back for 30 days; until then it counts toward the quota.
      await api.updateFile(key, { trashed: true }, signal)
    },

    check: ({ signal } = {}) => api.ping(signal),
    places: { make: async ({ signal } = {}) => objectKey(await reserve(signal)) },
    sessions: driveSessions(parts),
    renaming: {
      async rename(key, file, { signal } = {}) {
        await api.updateFile(key, { name: file }, signal)
      },
    },
    history: {
      // A file is updated with what it held; Drive has no call for it.
      // https://developers.google.com/workspace/drive/api/guides/manage-revisions
      async restore(key, { revision, ...version }, isIt, { signal } = {}) {
        if (revision === undefined) return undefined
        const content: ContentSource = {
          size: version.size,
          async *open(range) {
            yield* await readRevision(parts, key, { revision, range }, signal)
          },
        }
        const plan = { ...version, target: { kind: 'replace', objectKey: key } } as const
        const entry = await writeWhole(driver, plan, content, signal ? { signal } : {})
        return isIt(entry) ? entry : undefined
      },
    },
    changes: driveChanges(api, settings?.id),
    space: { usage: ({ signal } = {}) => api.quota(signal) },
  }
  return driver
}
