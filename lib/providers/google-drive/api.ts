import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import * as z from 'zod/mini'
import { ServiceError } from '../../errors.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import { parseAnswer, readJson } from '../../net/provider-http.ts'
import type { DriveFile } from './wire.ts'
import { fileFields, fileSchema, folderListSchema, idsSchema, quotaSchema } from './wire.ts'

const folderType = 'application/vnd.google-apps.folder'

/**
 * Drive's metadata calls, made by the official client. Bytes never go through it: see sessions.ts,
 * multipart.ts and download.ts.
 */
export interface DriveApi {
  getFile(id: string, signal?: AbortSignal): Promise<DriveFile>
  updateFile(id: string, changes: FileChanges, signal?: AbortSignal): Promise<DriveFile>
  deleteFile(id: string, signal?: AbortSignal): Promise<void>
  /** Fresh ids for files that are yet to be created. */
  generateIds(count: number, signal?: AbortSignal): Promise<readonly string[]>
  /** The oldest folder of this name in the drive's root that the app can see. */
  findFolder(name: string, signal?: AbortSignal): Promise<string | undefined>
  createFolder(id: string, name: string, signal?: AbortSignal): Promise<void>
  quota(signal?: AbortSignal): Promise<{ used: number; limit?: number }>
  /** The cheapest call that proves token, scope and drive. */
  ping(signal?: AbortSignal): Promise<void>
}

export interface FileChanges {
  readonly name?: string
  readonly trashed?: boolean
  readonly addParents?: string
  readonly removeParents?: string
}

const shared = { supportsAllDrives: true } as const

/**
 * The client builds the requests; our transport sends them, so that tokens, time-outs, errors and retry
 * advice are in one place. `rootUrl` has to go with each call: the client ignores the one given at its
 * construction for some of them.
 */
export function driveApi(http: ProviderHttp, rootUrl: string): DriveApi {
  const options = (operation: string, signal: AbortSignal | undefined): CallOptions => ({
    rootUrl,
    // One layer retries, and it is not this one: the client repeats a request of its own accord otherwise.
    retry: false,
    adapter: transport(http, operation, signal),
  })

  return {
    async getFile(id, signal) {
      const files = (await loadDrive()).files
      const call = files.get({ fileId: id, fields: fileFields, ...shared }, options('files.get', signal))
      return answerOf(fileSchema, call)
    },

    async updateFile(id, { name, trashed, ...move }, signal) {
      const files = (await loadDrive()).files
      const named = name === undefined ? {} : { name }
      const requestBody = { ...named, ...(trashed === undefined ? {} : { trashed }) }
      const call = files.update(
        { fileId: id, fields: fileFields, requestBody, ...move, ...shared },
        options('files.update', signal),
      )
      return answerOf(fileSchema, call)
    },

    async deleteFile(id, signal) {
      const files = (await loadDrive()).files
      await answerOf(nothing, files.delete({ fileId: id, ...shared }, options('files.delete', signal)))
    },

    async generateIds(count, signal) {
      const files = (await loadDrive()).files
      const call = files.generateIds(
        { count, space: 'drive', type: 'files' },
        options('files.generateIds', signal),
      )
      return (await answerOf(idsSchema, call)).ids
    },

    async findFolder(name, signal) {
      const files = (await loadDrive()).files
      const q = `'root' in parents and name='${quoted(name)}' and mimeType='${folderType}' and trashed=false`
      const call = files.list(
        { q, pageSize: 1, orderBy: 'createdTime', fields: 'files(id)', ...shared },
        options('files.list', signal),
      )
      return (await answerOf(folderListSchema, call)).files?.[0]?.id
    },

    async createFolder(id, name, signal) {
      const files = (await loadDrive()).files
      const call = files.create(
        { requestBody: { id, name, mimeType: folderType }, fields: fileFields, ...shared },
        options('files.create', signal),
      )
      await answerOf(fileSchema, call)
    },

    async quota(signal) {
      const about = (await loadDrive()).about
      const call = about.get({ fields: 'storageQuota' }, options('about.get', signal))
      const { usage = 0, limit } = (await answerOf(quotaSchema, call)).storageQuota
      return { used: usage, ...(limit === undefined ? {} : { limit }) }
    },

    async ping(signal) {
      const files = (await loadDrive()).files
      const call = files.list({ pageSize: 1, fields: 'files(id)' }, options('files.list', signal))
      await answerOf(folderListSchema, call)
    },
  }
}

/** A deletion answers nothing. */
const nothing = z.unknown()

/**
 * In `q`, quotes and backslashes are escaped.
 * https://developers.google.com/workspace/drive/api/guides/search-files
 */
function quoted(text: string): string {
  return text.replaceAll(/['\\]/g, String.raw`\$&`)
}

let drive: drive_v3.Drive | undefined

/**
 * The Drive module alone (the package's entry point is thirty times its size), and only when a metadata call
 * is made.
 */
async function loadDrive(): Promise<drive_v3.Drive> {
  if (!drive) {
    const module = await import('googleapis/build/src/apis/drive/v3.js')
    drive = new module.drive_v3.Drive({})
  }
  return drive
}

type Adapter = NonNullable<drive_v3.Options['adapter']>
type CallOptions = Pick<drive_v3.Options, 'adapter' | 'retry' | 'rootUrl'>

/**
 * Sends what the client has prepared. Errors are ServiceErrors already; the client wraps them, `answerOf`
 * takes them out again.
 */
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

async function answerOf<Schema extends z.ZodMiniType>(
  schema: Schema,
  call: Promise<{ status: number; data: unknown }>,
): Promise<z.output<Schema>> {
  let answer: { status: number; data: unknown }
  try {
    answer = await call
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (cause instanceof ServiceError) throw cause
    throw new ServiceError('internal_error', 'The request to Google Drive could not be made.', {
      cause: error,
    })
  }
  return parseAnswer(schema, answer.data, answer.status)
}
