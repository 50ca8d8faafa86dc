import * as z from 'zod/mini'
import { isServiceError } from '../../errors.ts'
import type { RequestBody } from '../../net/http-client.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import type { UploadSession } from '../../storage/driver.ts'
import { byId } from './names.ts'
import type { DriveItem } from './wire.ts'
import {
  drivePingSchema,
  driveSchema,
  itemFields,
  itemSchema,
  sessionSchema,
  versionsSchema,
} from './wire.ts'

/** Graph's calls on a drive. Addresses are those of names.ts. */
export interface GraphApi {
  getItem(address: string, signal?: AbortSignal): Promise<DriveItem>
  /** Undefined when nothing is there. */
  findItem(address: string, signal?: AbortSignal): Promise<DriveItem | undefined>
  deleteItem(id: string, signal?: AbortSignal): Promise<void>
  /** 409 when another item has the name. */
  renameItem(id: string, name: string, signal?: AbortSignal): Promise<void>
  /** The newest first, which is the current one. */
  listVersions(id: string, signal?: AbortSignal): Promise<z.output<typeof versionsSchema>['value']>
  restoreVersion(id: string, version: string, signal?: AbortSignal): Promise<void>
  /** Makes each folder that is not there yet. */
  createFolders(folders: readonly string[], signal?: AbortSignal): Promise<void>
  /** 412 when the condition does not hold for what is at the address. */
  openSession(address: string, condition: Condition, signal?: AbortSignal): Promise<UploadSession>
  /** The whole content in one request; 409 or 412 when the condition does not hold. */
  putContent(
    address: string,
    content: { readonly body: RequestBody; readonly contentType: string; readonly condition: Condition },
    signal?: AbortSignal,
  ): Promise<DriveItem>
  /** Where the content can be read for a short time without a token. */
  contentLocation(id: string, signal?: AbortSignal): Promise<string | undefined>
  quota(signal?: AbortSignal): Promise<{ used: number; limit?: number }>
  /** The cheapest call that proves token, scope and drive. */
  ping(signal?: AbortSignal): Promise<void>
}

const conflict = '@microsoft.graph.conflictBehavior'

/** What has to be at the address: nothing, any version, or that one (its eTag or cTag). */
export type Condition = 'new' | 'any' | { readonly ifMatch: string }

const conflictOf = (condition: Condition): string => (condition === 'new' ? 'fail' : 'replace')

function headersOf(condition: Condition): Readonly<Record<string, string>> {
  if (condition === 'new') return { 'if-none-match': '*' }
  return condition === 'any' ? {} : { 'if-match': `"${condition.ifMatch}"` }
}

/** Calls that answer JSON. */
function jsonCalls(http: ProviderHttp, root: string) {
  const post = async <Schema extends z.ZodMiniType>(
    operation: string,
    path: string,
    body: unknown,
    schema: Schema,
    options: {
      readonly headers?: Readonly<Record<string, string>>
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<z.output<Schema>> => {
    const response = await http({
      operation,
      method: 'POST',
      url: `${root}${path}`,
      headers: { 'content-type': 'application/json', ...options.headers },
      body: Buffer.from(JSON.stringify(body)),
      signal: options.signal,
    })
    return readJson(response, schema)
  }
  const get = async <Schema extends z.ZodMiniType>(
    operation: string,
    path: string,
    schema: Schema,
    signal: AbortSignal | undefined,
  ): Promise<z.output<Schema>> =>
    readJson(await http({ operation, method: 'GET', url: `${root}${path}`, signal }), schema)
  return { get, post }
}

/** `root` is Graph's base with its version, without a trailing slash. */
export function graphApi(http: ProviderHttp, root: string): GraphApi {
  const { get, post } = jsonCalls(http, root)
  const getItem: GraphApi['getItem'] = (address, signal) =>
    get('item.get', `${address}?$select=${encodeURIComponent(itemFields)}`, itemSchema, signal)

  return {
    getItem,

    async findItem(address, signal) {
      try {
        return await getItem(address, signal)
      } catch (error) {
        if (isServiceError(error, 'object_missing')) return undefined
        throw error
      }
    },

    async deleteItem(id, signal) {
      // Into the recycle bin, which keeps counting toward the quota.
      // https://learn.microsoft.com/graph/api/driveitem-delete
      const response = await http({
        operation: 'item.delete',
        method: 'DELETE',
        url: `${root}${byId(id)}`,
        signal,
      })
      await readText(response.body, 4096)
    },

    async renameItem(id, name, signal) {
      // https://learn.microsoft.com/graph/api/driveitem-update
      const response = await http({
        operation: 'item.rename',
        method: 'PATCH',
        url: `${root}${byId(id)}`,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify({ name, [conflict]: 'fail' })),
        signal,
      })
      await readJson(response, itemSchema)
    },

    async listVersions(id, signal) {
      // https://learn.microsoft.com/graph/api/driveitem-list-versions
      return (await get('item.versions', `${byId(id)}/versions`, versionsSchema, signal)).value
    },

    async restoreVersion(id, version, signal) {
      // https://learn.microsoft.com/graph/api/driveitemversion-restore
      const response = await http({
        operation: 'item.restore',
        method: 'POST',
        url: `${root}${byId(id)}/versions/${encodeURIComponent(version)}/restoreVersion`,
        signal,
      })
      await readText(response.body, 4096)
    },

    async createFolders(folders, signal) {
      for (const [depth, name] of folders.entries()) {
        const above = folders.slice(0, depth).map(encodeURIComponent).join('/')
        const parent = depth === 0 ? '/me/drive/root' : `/me/drive/root:/${above}:`
        const body = { name, folder: {}, [conflict]: 'fail' }
        try {
          await post('folder.create', `${parent}/children`, body, z.object({ id: z.string() }), { signal })
        } catch (error) {
          // 409: it is there. https://learn.microsoft.com/graph/api/driveitem-post-children
          if (!isServiceError(error) || error.context.providerStatus !== 409) throw error
        }
      }
    },

    async openSession(address, condition, signal) {
      const session = await post(
        'upload.begin',
        `${address}/createUploadSession`,
        { item: { [conflict]: conflictOf(condition) } },
        sessionSchema,
        { headers: headersOf(condition), signal },
      )
      const expiresAt = Date.parse(session.expirationDateTime ?? '')
      return { url: secret(session.uploadUrl), ...(Number.isNaN(expiresAt) ? {} : { expiresAt }) }
    },

    async putContent(address, { body, contentType, condition }, signal) {
      const response = await http({
        operation: 'item.put',
        method: 'PUT',
        url: `${root}${address}/content?${encodeURIComponent(conflict)}=${conflictOf(condition)}`,
        headers: { ...headersOf(condition), 'content-type': contentType },
        body,
        signal,
      })
      return readJson(response, itemSchema)
    },

    async contentLocation(id, signal) {
      const response = await http({
        operation: 'item.content',
        method: 'GET',
        url: `${root}${byId(id)}/content`,
        expect: [302],
        signal,
      })
      await readText(response.body, 4096)
      return response.headers.location
    },

    async quota(signal) {
      const { quota } = await get('drive.get', '/me/drive?$select=quota', driveSchema, signal)
      return {
        used: quota?.used ?? 0,
        // Pooled plans have no limit of the user's own; they show 0.
        ...(quota?.total === undefined || quota.total === 0 ? {} : { limit: quota.total }),
      }
    },

    async ping(signal) {
      await get('drive.get', '/me/drive?$select=id', drivePingSchema, signal)
    },
  }
}
