import { isServiceError, unlessMissing } from '../../errors.ts'
import { objectKey } from '../../ids.ts'
import { atOnce } from '../../net/at-once.ts'
import type { ChangePage, Changes } from '../../storage/driver.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import type { DropboxApi, Hosts } from './api.ts'
import { callsOf } from './api.ts'
import { byId } from './names.ts'
import { changesSchema, cursorSchema, isFile, revisionsSchema, toEntry } from './wire.ts'

/** So many as an answer of ours may hold. */
const changesAtOnce = 500
const lookupsAtOnce = 4

/**
 * What changes in the app's folder. What is gone is told by its path alone, so its history is asked which
 * file that was. https://developers.dropbox.com/detecting-changes-guide
 */
export function dropboxChanges(http: ProviderHttp, hosts: Hosts, api: DropboxApi): Changes {
  const { call } = callsOf(http, hosts)
  /** What lay at a path, or under an id, last; also of what was deleted, for some weeks. */
  const history = (path: string, signal: AbortSignal | undefined) => {
    const argument = { path, mode: path.startsWith('id:') ? 'id' : 'path', limit: 1 }
    return call(revisionsSchema, 'files.list', 'files/list_revisions', argument, signal)
  }
  return {
    async begin({ signal } = {}) {
      const argument = { path: '', recursive: true, limit: changesAtOnce }
      const route = 'files/list_folder/get_latest_cursor'
      return (await call(cursorSchema, 'files.list', route, argument, signal)).cursor
    },
    async since(cursor, { signal } = {}) {
      const route = 'files/list_folder/continue'
      const page = await call(changesSchema, 'files.list', route, { cursor }, signal).catch(
        (error: unknown) => {
          if (!hasTag(error, 'reset')) throw error
        },
      )
      if (page === undefined) return undefined
      const changed: ChangePage['changed'][number][] = []
      let isUnsure = false
      await atOnce(lookupsAtOnce, page.entries, async (found) => {
        const { '.tag': tag, path_lower: path, id, size } = found
        if (isFile(found) && id !== undefined && size !== undefined)
          changed.push({ key: objectKey(id), seen: { entry: toEntry(found) } })
        if (tag !== 'deleted' || path === undefined) return
        const last = await history(path, signal).catch((error: unknown) => {
          // Of a folder that is gone what was in it is not told.
          if (hasTag(error, 'not_file')) isUnsure = true
          else unlessMissing(error)
        })
        const [was] = last?.is_deleted ? last.entries : []
        if (was?.id !== undefined) changed.push({ key: objectKey(was.id), seen: { gone: 'trashed' } })
      })
      return { changed, isUnsure, next: page.cursor, more: page.has_more }
    },
    async look(key, { signal } = {}) {
      const found = await api.find(byId(key), signal)
      if (found) return { entry: toEntry(found) }
      const last = await history(byId(key), signal).catch(unlessMissing)
      return { gone: last && last.entries.length > 0 ? 'trashed' : 'removed' }
    },
  }
}

const hasTag = (error: unknown, tag: string): boolean =>
  isServiceError(error) && error.context.providerCode?.split('.').includes(tag) === true
