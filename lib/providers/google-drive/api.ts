import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import * as z from 'zod/mini'
import { ServiceError } from '../../errors.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import { parseAnswer, readJson } from '../../net/provider-http.ts'
import type { Usage } from '../../storage/driver.ts'
import {
  changesSchema,
  fileFields,
  fileSchema,
  folderListSchema,
  idsSchema,
  quotaSchema,
  startSchema,
} from './wire.ts'

export const folderType = 'application/vnd.google-apps.folder'

export interface FileChanges {
  readonly name?: string
  readonly trashed?: boolean
  readonly addParents?: string
  readonly removeParents?: string
}

const shared = { supportsAllDrives: true } as const
/** So many as an answer of ours may hold. */
const changesAtOnce = 500
const ofFile = { fields: fileFields, ...shared } as const

export type DriveApi = ReturnType<typeof driveApi>

/**
 * Drive's metadata calls. The official client builds the requests; our transport sends them, so that tokens,
 * time-outs, errors and retry advice are in one place. Bytes never go through it: see sessions.ts,
 * multipart.ts and download.ts.
 */
export function driveApi(http: ProviderHttp, rootUrl: string) {
  const ask = async <Schema extends z.ZodMiniType>(
    operation: string,
    schema: Schema,
    signal: AbortSignal | undefined,
    call: (drive: drive_v3.Drive, options: CallOptions) => Promise<Answer>,
  ): Promise<z.output<Schema>> => {
    // `rootUrl` has to go with each call: the client ignores the one given at its construction for some.
    // One layer retries, and it is not this one: the client repeats a request of its own accord otherwise.
    const options = { rootUrl, retry: false, adapter: transport(http, operation, signal) }
    const { data, status } = await call(await loadDrive(), options).catch(unwrapped)
    return parseAnswer(schema, data, status)
  }

  return {
    getFile: (fileId: string, signal?: AbortSignal) =>
      ask('files.get', fileSchema, signal, ({ files }, options) => files.get({ fileId, ...ofFile }, options)),

    updateFile(fileId: string, { name, trashed, ...move }: FileChanges, signal?: AbortSignal) {
      const named = name === undefined ? {} : { name }
      const requestBody = { ...named, ...(trashed === undefined ? {} : { trashed }) }
      const update = { fileId, requestBody, ...move, ...ofFile }
      return ask('files.update', fileSchema, signal, ({ files }, options) => files.update(update, options))
    },

    /**
     * For good, from the trash, too.
     * https://developers.google.com/workspace/drive/api/reference/rest/v3/files/delete
     */
    async deleteFile(fileId: string, signal?: AbortSignal): Promise<void> {
      await ask('files.delete', z.any(), signal, ({ files }, options) =>
        files.delete({ fileId, ...shared }, options),
      )
    },

    /** Fresh ids for files that are yet to be created. */
    async generateIds(count: number, signal?: AbortSignal) {
      const { ids } = await ask('files.generateIds', idsSchema, signal, ({ files }, options) =>
        files.generateIds({ count, space: 'drive', type: 'files' }, options),
      )
      return ids
    },

    /** The oldest folder of this name in the drive's root that the app can see. */
    async findFolder(name: string, signal?: AbortSignal) {
      const q = `'root' in parents and name='${quoted(name)}' and mimeType='${folderType}' and trashed=false`
      const query = { q, pageSize: 1, orderBy: 'createdTime', fields: 'files(id)', ...shared }
      const found = await ask('files.list', folderListSchema, signal, ({ files }, options) =>
        files.list(query, options),
      )
      return found.files?.[0]?.id
    },

    async createFolder(id: string, name: string, signal?: AbortSignal) {
      const folder = { requestBody: { id, name, mimeType: folderType }, ...ofFile }
      await ask('files.create', fileSchema, signal, ({ files }, options) => files.create(folder, options))
    },

    startPageToken: async (signal?: AbortSignal) =>
      (
        await ask('changes.start', startSchema, signal, ({ changes }, options) =>
          changes.getStartPageToken({ fields: 'startPageToken', ...shared }, options),
        )
      ).startPageToken,

    /** What has happened since, each file once, as it is now. */
    listChanges(pageToken: string, signal?: AbortSignal) {
      const fields = `nextPageToken,newStartPageToken,changes(fileId,removed,file(${fileFields}))`
      const query = { pageToken, fields, pageSize: changesAtOnce, includeItemsFromAllDrives: true, ...shared }
      return ask('changes.list', changesSchema, signal, ({ changes }, options) =>
        changes.list(query, options),
      )
    },

    async quota(signal?: AbortSignal): Promise<Usage> {
      const { storageQuota } = await ask('about.get', quotaSchema, signal, ({ about }, options) =>
        about.get({ fields: 'storageQuota' }, options),
      )
      const { usage = 0, limit } = storageQuota
      return { used: usage, ...(limit === undefined ? {} : { limit }) }
    },

    /** The cheapest call that proves token, scope and drive. */
    async ping(signal?: AbortSignal) {
      const query = { pageSize: 1, fields: 'files(id)' }
      await ask('files.list', folderListSchema, signal, ({ files }, options) => files.list(query, options))
    },
  }
}

/**
 * In `q`, quotes and backslashes are escaped.
 * https://developers.google.com/workspace/drive/api/guides/search-files
 */
function quoted(text: string): string {
  return text.replaceAll(/['\\]/g, String.raw`\$&`)
}

let drive: drive_v3.Drive | undefined

/** The Drive module alone: the package's entry point is thirty times its size. */
async function loadDrive(): Promise<drive_v3.Drive> {
  if (!drive) {
    const module = await import('googleapis/build/src/apis/drive/v3.js')
    drive = new module.drive_v3.Drive({})
  }
  return drive
}

type Adapter = NonNullable<drive_v3.Options['adapter']>
type CallOptions = Pick<drive_v3.Options, 'adapter' | 'retry' | 'rootUrl'>
interface Answer {
  readonly status: number
  readonly data: unknown
}

/** Sends what the client has prepared. Errors are ServiceErrors already; the client wraps them. */
function transport(http: ProviderHttp, operation: string, signal: AbortSignal | undefined): Adapter {
  return async (prepared) => {
    const response = await http({
      operation,
      method: prepared.method ?? 'GET',
      url: prepared.url.href,
      headers: { ...Object.fromEntries(prepared.headers), 'accept-encoding': 'identity' },
      ...(typeof prepared.body === 'string' ? { body: Buffer.from(prepared.body) } : {}),
      signal,
    })
    const data = await readJson(response, z.any())
    return Object.assign(new Response(null, { status: response.status }), { config: prepared, data })
  }
}

function unwrapped(error: unknown): never {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof ServiceError) throw cause
  throw new ServiceError('internal_error', 'The request to Google Drive could not be made.', { cause: error })
}
