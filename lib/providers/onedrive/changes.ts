import { ServiceError } from '../../errors.ts'
import { objectKey } from '../../ids.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import type { ChangePage, Changes } from '../../storage/driver.ts'
import type { GraphApi } from './api.ts'
import { byId } from './names.ts'
import { deltaFields, deltaSchema, toEntry } from './wire.ts'

const latest = `/me/drive/root/delta?token=latest&$select=${encodeURIComponent(deltaFields)}`

/**
 * The drive's delta. It does not tell what lies in the recycle bin from what is gone for good, nor does
 * anything else here: what a user deletes goes to the bin.
 * https://learn.microsoft.com/graph/api/driveitem-delta
 */
export function oneDriveChanges(http: ProviderHttp, graph: GraphApi, root: string): Changes {
  /** Undefined when so much is not known any more. Links come whole, and only their path is followed. */
  const page = async (path: string, signal: AbortSignal | undefined) => {
    const request = { operation: 'drive.delta', method: 'GET', url: `${root}${path}`, expect: [410], signal }
    const response = await http(request)
    if (response.status === 410) return void (await readText(response.body, 4096))
    const { value, ...links } = await readJson(response, deltaSchema)
    const { '@odata.nextLink': more, '@odata.deltaLink': end } = links
    const { pathname, search } = new URL(more ?? end ?? root)
    return { value, more: more !== undefined, next: `${pathname.replace(/^\/v1\.0/, '')}${search}` }
  }
  return {
    async begin({ signal } = {}) {
      const first = await page(latest, signal)
      if (first) return first.next
      throw new ServiceError('provider_unavailable', 'The OneDrive does not say what changes now.', {
        retry: { retryable: true },
      })
    },
    async since(cursor, { signal } = {}) {
      const found = await page(cursor, signal)
      return (
        found && {
          changed: found.value.flatMap((item): ChangePage['changed'] => {
            if (item.deleted !== undefined) return [{ key: objectKey(item.id), seen: { gone: 'trashed' } }]
            // Folders come along whenever something in them changes.
            if (item.file === undefined || item.size === undefined) return []
            return [{ key: objectKey(item.id), seen: { entry: toEntry(item) } }]
          }),
          isUnsure: found.value.some(({ deleted, folder }) => deleted !== undefined && folder !== undefined),
          next: found.next,
          more: found.more,
        }
      )
    },
    async look(key, { signal } = {}) {
      const item = await graph.findItem(byId(key), signal)
      return item ? { entry: toEntry(item) } : { gone: 'trashed' }
    },
  }
}
