import type * as z from 'zod/mini'
import { isServiceError, unlessMissing } from '../../errors.ts'
import type { HttpResponse, RequestBody } from '../../net/http-client.ts'
import type { ProviderHttp, ProviderRequest } from '../../net/provider-http.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import type { UploadSession, Usage } from '../../storage/driver.ts'
import { byId } from './names.ts'
import type { DriveItem } from './wire.ts'
import { driveSchema, idSchema, itemFields, itemSchema, sessionSchema, versionsSchema } from './wire.ts'

const conflict = '@microsoft.graph.conflictBehavior'

/** What has to be at the address: nothing, any version, or that one (its eTag or cTag). */
export type Condition = 'new' | 'any' | { readonly ifMatch: string }

const conflictOf = (condition: Condition): string => (condition === 'new' ? 'fail' : 'replace')

function headersOf(condition: Condition): Readonly<Record<string, string>> {
  if (condition === 'new') return { 'if-none-match': '*' }
  return condition === 'any' ? {} : { 'if-match': `"${condition.ifMatch}"` }
}

export type GraphApi = ReturnType<typeof graphApi>

/**
 * Graph's calls on a drive. Addresses are those of names.ts; `root` is Graph's base with its version, without
 * a trailing slash.
 */
export function graphApi(http: ProviderHttp, root: string) {
  const call = (request: Omit<ProviderRequest, 'url'> & { readonly path: string }): Promise<HttpResponse> =>
    http({ ...request, url: `${root}${request.path}` })
  const get = async <Schema extends z.ZodMiniType>(
    operation: string,
    path: string,
    schema: Schema,
    signal: AbortSignal | undefined,
  ): Promise<z.output<Schema>> => readJson(await call({ operation, method: 'GET', path, signal }), schema)

  const getItem = (address: string, signal?: AbortSignal): Promise<DriveItem> =>
    get('item.get', `${address}?$select=${encodeURIComponent(itemFields)}`, itemSchema, signal)

  return {
    getItem,

    /** Undefined when nothing is there. */
    findItem: (address: string, signal?: AbortSignal) => getItem(address, signal).catch(unlessMissing),

    /**
     * Into the recycle bin, which keeps counting toward the quota; `permanent`: past it, which personal
     * accounts cannot. https://learn.microsoft.com/graph/api/driveitem-permanentdelete
     */
    async deleteItem(id: string, permanent: boolean, signal?: AbortSignal): Promise<void> {
      const request = permanent
        ? { method: 'POST', path: `${byId(id)}/permanentDelete` }
        : { method: 'DELETE', path: byId(id) }
      const response = await call({ operation: 'item.delete', ...request, signal })
      await readText(response.body, 4096)
    },

    /** 409 when another item has the name. https://learn.microsoft.com/graph/api/driveitem-update */
    async renameItem(id: string, name: string, signal?: AbortSignal): Promise<void> {
      const json = inJson({ name, [conflict]: 'fail' })
      const response = await call({
        operation: 'item.rename',
        method: 'PATCH',
        path: byId(id),
        ...json,
        signal,
      })
      await readJson(response, itemSchema)
    },

    /** The newest, which is current, first. https://learn.microsoft.com/graph/api/driveitem-list-versions */
    listVersions: async (id: string, signal?: AbortSignal) =>
      (await get('item.versions', `${byId(id)}/versions`, versionsSchema, signal)).value,

    /** https://learn.microsoft.com/graph/api/driveitemversion-restore */
    async restoreVersion(id: string, version: string, signal?: AbortSignal): Promise<void> {
      const path = `${byId(id)}/versions/${encodeURIComponent(version)}/restoreVersion`
      const response = await call({ operation: 'item.restore', method: 'POST', path, signal })
      await readText(response.body, 4096)
    },

    /** Makes each folder that is not there yet. */
    async createFolders(folders: readonly string[], signal?: AbortSignal): Promise<void> {
      for (const [depth, name] of folders.entries()) {
        const above = folders.slice(0, depth).map(encodeURIComponent).join('/')
        const path = depth === 0 ? '/me/drive/root/children' : `/me/drive/root:/${above}:/children`
        const json = inJson({ name, folder: {}, [conflict]: 'fail' })
        try {
          const response = await call({ operation: 'folder.create', method: 'POST', path, ...json, signal })
          await readJson(response, idSchema)
        } catch (error) {
          // 409: it is there. https://learn.microsoft.com/graph/api/driveitem-post-children
          if (!isServiceError(error) || error.context.providerStatus !== 409) throw error
        }
      }
    },

    /** 412 when the condition does not hold for what is at the address. */
    async openSession(address: string, condition: Condition, signal?: AbortSignal): Promise<UploadSession> {
      const path = `${address}/createUploadSession`
      const json = inJson({ item: { [conflict]: conflictOf(condition) } }, headersOf(condition))
      const response = await call({ operation: 'upload.begin', method: 'POST', path, ...json, signal })
      const session = await readJson(response, sessionSchema)
      const expiresAt = Date.parse(session.expirationDateTime ?? '')
      return { url: secret(session.uploadUrl), ...(Number.isNaN(expiresAt) ? {} : { expiresAt }) }
    },

    /** The whole content in one request; 409 or 412 when the condition does not hold. */
    async putContent(
      address: string,
      content: { readonly body: RequestBody; readonly contentType: string; readonly condition: Condition },
      signal?: AbortSignal,
    ): Promise<DriveItem> {
      const { body, contentType, condition } = content
      const path = `${address}/content?${encodeURIComponent(conflict)}=${conflictOf(condition)}`
      const headers = { ...headersOf(condition), 'content-type': contentType }
      return readJson(
        await call({ operation: 'item.put', method: 'PUT', path, headers, body, signal }),
        itemSchema,
      )
    },

    /** Where the content can be read for a short time without a token. */
    async contentLocation(id: string, signal?: AbortSignal): Promise<string | undefined> {
      const path = `${byId(id)}/content`
      const response = await call({ operation: 'item.content', method: 'GET', path, expect: [302], signal })
      await readText(response.body, 4096)
      return response.headers.location
    },

    async quota(signal?: AbortSignal): Promise<Usage> {
      const { quota } = await get('drive.get', '/me/drive?$select=quota', driveSchema, signal)
      // Pooled plans have no limit of the user's own; they show 0.
      return { used: quota?.used ?? 0, ...(quota?.total ? { limit: quota.total } : {}) }
    },

    /** The cheapest call that proves token, scope and drive. */
    async ping(signal?: AbortSignal): Promise<void> {
      await get('drive.get', '/me/drive?$select=id', idSchema, signal)
    },
  }
}

function inJson(body: object, headers: Readonly<Record<string, string>> = {}) {
  return {
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  }
}
