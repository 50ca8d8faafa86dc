import * as z from 'zod/mini'
import { unlessMissing } from '../../errors.ts'
import type { HttpResponse, RequestBody } from '../../net/http-client.ts'
import type { ProviderHttp, ProviderRequest } from '../../net/provider-http.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import type { Usage } from '../../storage/driver.ts'
import type { Commit, DropboxSession, Metadata } from './wire.ts'
import { linkSchema, metadataSchema, revisionsSchema, spaceSchema, startedSchema } from './wire.ts'

export type DropboxApi = ReturnType<typeof dropboxApi>

/** Dropbox may take its time to put a large file together. */
const commitTimeouts = { answer: 120_000 } as const

/** The hosts of the API, without a trailing slash; all calls are POSTs. */
export interface Hosts {
  readonly api: string
  /** Of what has content; its argument is in a header. */
  readonly content: string
}

type Sent = Pick<ProviderRequest, 'expect' | 'signal' | 'timeouts'>

/** The kinds of calls. https://www.dropbox.com/developers/documentation/http/documentation#formats */
export function callsOf(http: ProviderHttp, hosts: Hosts) {
  const post = (
    operation: string,
    route: string,
    argument: object | null,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> =>
    http({
      operation,
      method: 'POST',
      url: `${hosts.api}/2/${route}`,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(argument)),
      signal,
    })
  const content = (
    operation: string,
    route: string,
    argument: object,
    request: Sent & Pick<ProviderRequest, 'headers' | 'body'>,
  ): Promise<HttpResponse> =>
    http({
      ...request,
      operation,
      method: 'POST',
      url: `${hosts.content}/2/${route}`,
      headers: { ...request.headers, 'dropbox-api-arg': headerJson(argument) },
    })
  return {
    post,
    content,
    call: async <Schema extends z.ZodMiniType>(
      schema: Schema,
      ...request: Parameters<typeof post>
    ): Promise<z.output<Schema>> => readJson(await post(...request), schema),
    upload: (
      operation: string,
      route: string,
      argument: object,
      body: RequestBody | undefined,
      request: Sent,
    ) => {
      const headers = { 'content-type': 'application/octet-stream' }
      return content(operation, route, argument, { ...request, body: body ?? Buffer.alloc(0), headers })
    },
  }
}

/** Version 2 of the API. What a call is about is named by a path from the app's folder down, or by an id. */
export function dropboxApi(http: ProviderHttp, hosts: Hosts) {
  const { post, content, call, upload } = callsOf(http, hosts)
  const get = (path: string, signal?: AbortSignal): Promise<Metadata> =>
    call(metadataSchema, 'files.get', 'files/get_metadata', { path }, signal)

  return {
    get,

    /** Undefined when nothing is there. */
    find: (path: string, signal?: AbortSignal) => get(path, signal).catch(unlessMissing),

    /** The whole content in one request. */
    async upload(commit: Commit, body: RequestBody, signal?: AbortSignal): Promise<Metadata> {
      const answer = await upload('files.upload', 'files/upload', commitInfo(commit), body, { signal })
      return readJson(answer, metadataSchema)
    },

    async start(signal?: AbortSignal): Promise<string> {
      const answer = await upload('upload.start', 'files/upload_session/start', {}, undefined, { signal })
      return (await readJson(answer, startedSchema)).session_id
    },

    /** 200, or 409 when the session is at another offset, closed or gone. */
    append(id: string, offset: number, body?: RequestBody, signal?: AbortSignal): Promise<HttpResponse> {
      const argument = { cursor: { session_id: id, offset } }
      const route = 'files/upload_session/append_v2'
      return upload('upload.append', route, argument, body, { expect: [409], signal })
    },

    /** 200 with the file, or 409: then what came along is in the session, if its offset was right. */
    finish(session: DropboxSession, offset: number, body?: RequestBody, signal?: AbortSignal) {
      const argument = { cursor: { session_id: session.id, offset }, commit: commitInfo(session) }
      const request = { expect: [409], signal, timeouts: commitTimeouts }
      return upload('upload.finish', 'files/upload_session/finish', argument, body, request)
    },

    /** What the file is stands in a header of the answer; 416 is an answer, too. */
    download(path: string, range: string | undefined, signal?: AbortSignal): Promise<HttpResponse> {
      const headers: Record<string, string> = range === undefined ? {} : { range }
      return content('files.download', 'files/download', { path }, { headers, expect: [416], signal })
    },

    /** An address that is good for four hours without a token. */
    link: async (path: string, signal?: AbortSignal) =>
      (await call(linkSchema, 'files.link', 'files/get_temporary_link', { path }, signal)).link,

    /** To the deleted files. */
    async remove(path: string, signal?: AbortSignal): Promise<void> {
      await readText((await post('files.delete', 'files/delete_v2', { path }, signal)).body, 4096)
    },

    /** Refused with a conflict when something has that name, in any case. */
    async move(from: string, to: string, signal?: AbortSignal): Promise<void> {
      const argument = { from_path: from, to_path: to }
      await readText((await post('files.move', 'files/move_v2', argument, signal)).body, 4096)
    },

    /** The newest, which is what stands, first. */
    async revisions(id: string, signal?: AbortSignal): Promise<readonly Metadata[]> {
      const argument = { path: id, mode: 'id', limit: 100 }
      return (await call(revisionsSchema, 'files.list', 'files/list_revisions', argument, signal)).entries
    },

    restore: (path: string, rev: string, signal?: AbortSignal) =>
      call(metadataSchema, 'files.restore', 'files/restore', { path, rev }, signal),

    /** The members of a team share its space. */
    async usage(signal?: AbortSignal): Promise<Usage> {
      const route = 'users/get_space_usage'
      const { used, allocation } = await call(spaceSchema, 'users.space', route, null, signal)
      if (!('allocated' in allocation)) return { used }
      return { used: 'used' in allocation ? allocation.used : used, limit: allocation.allocated }
    },

    /** The cheapest call that proves token and scope. A folder that was removed is made by the next write. */
    async ping(signal?: AbortSignal): Promise<void> {
      const argument = { path: '', limit: 1 }
      await call(z.object({}), 'files.list', 'files/list_folder', argument, signal).catch(unlessMissing)
    },
  }
}

/**
 * How a commit is asked for. `strict_conflict` makes a file of the very same content a conflict, too: it may
 * be its user's own. Over a revision it would refuse content that is there already, as after a lost answer.
 * https://www.dropbox.com/developers/documentation/http/documentation#files-upload
 */
function commitInfo({ path, over }: Commit): object {
  if (over === 'new') return { path, mode: 'add', autorename: false, strict_conflict: true }
  return {
    path,
    mode: over === 'any' ? 'overwrite' : { '.tag': 'update', update: over.rev },
    autorename: false,
  }
}

/** JSON as it may stand in a header: ASCII alone, and DEL is none of it. */
function headerJson(argument: object): string {
  return JSON.stringify(argument).replaceAll(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
