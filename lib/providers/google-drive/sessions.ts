import type { Clock } from '../../clock.ts'
import { isServiceError, ServiceError, unlessMissing } from '../../errors.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import { secret } from '../../secret.ts'
import { chunkSize } from '../../contract/limits.ts'
import { contentRange, plainContentType } from '../../storage/bytes.ts'
import type {
  ObjectEntry,
  Plan,
  Sessions,
  Target,
  UploadProgress,
  UploadSession,
} from '../../storage/driver.ts'
import type { DriveApi } from './api.ts'
import type { DriveFolder } from './folder.ts'
import type { DriveFile } from './wire.ts'
import { fileFields, fileSchema, toEntry } from './wire.ts'

/**
 * A session URI lives one week.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable
 */
const sessionLifetimeMs = 7 * 24 * 60 * 60 * 1000

/** Drive may take its time to put a large file together after the last byte. */
const commitTimeouts = { answer: 120_000 } as const

export interface DriveParts {
  readonly http: ProviderHttp
  readonly api: DriveApi
  readonly folder: DriveFolder
  readonly rootUrl: string
  readonly clock: Clock
}

/** The address that content is sent to; with `id`, that of an existing file. */
export function uploadUrl(rootUrl: string, uploadType: 'multipart' | 'resumable', id?: string): string {
  const path = id === undefined ? 'files' : `files/${encodeURIComponent(id)}`
  return `${rootUrl}upload/drive/v3/${path}?uploadType=${uploadType}&fields=${fileFields}&supportsAllDrives=true`
}

/** Google's own types would ask Drive to convert the file. */
export function mimeTypeOf({ contentType }: Pick<Plan, 'contentType'>): string {
  const plain = plainContentType(contentType)
  return /^application\/vnd\.google-apps/i.test(plain) ? 'application/octet-stream' : plain
}

/** The id that a new file is made under. */
export function newIdOf({ objectKey }: Target): string {
  if (objectKey === undefined) throw new TypeError('A new file in Google Drive has its id before it is made.')
  return objectKey
}

/** What a new file is made with. */
export function createMetadata(
  plan: Pick<Plan, 'contentType'>,
  file: string,
  id: string,
  parent: string | undefined,
) {
  return {
    id,
    name: file,
    mimeType: mimeTypeOf(plan),
    ...(parent === undefined ? {} : { parents: [parent] }),
  }
}

/** What a replacement sets: new content also takes the file out of the trash. */
export function replaceMetadata(plan: Pick<Plan, 'contentType'>) {
  return { mimeType: mimeTypeOf(plan), trashed: false }
}

/**
 * Runs a creation in the folder that new files go into, and once more in a fresh folder when the user removed
 * the known one: a creation that answers 404 misses its parent.
 */
export async function inFolder<Result>(
  { folder }: DriveParts,
  create: (parent: string | undefined) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const parent = await folder.parent(signal)
  try {
    return await create(parent)
  } catch (error) {
    if (parent === undefined || !isServiceError(error, 'object_missing')) throw error
    return create(await folder.renew(parent, signal))
  }
}

/**
 * A file that has just been written but counts as trashed lies in a trashed folder: it moves to one that is
 * not.
 */
export async function settled(
  parts: DriveParts,
  file: DriveFile,
  signal?: AbortSignal,
): Promise<ObjectEntry> {
  if (!file.trashed) return toEntry(file)
  const old = file.parents?.[0] ?? 'root'
  const parent = await parts.folder.renew(old, signal)
  const moved = await parts.api.updateFile(
    file.id,
    { trashed: false, addParents: parent, removeParents: old },
    signal,
  )
  return toEntry(moved)
}

/** The file, or undefined when it is gone or in the trash. */
export async function findFile(
  api: DriveApi,
  id: string,
  signal?: AbortSignal,
): Promise<DriveFile | undefined> {
  const file = await api.getFile(id, signal).catch(unlessMissing)
  return file?.trashed ? undefined : file
}

/** True when a creation met a file that has its id already. */
export function isIdInUse(error: unknown): boolean {
  return isServiceError(error, 'provider_error') && error.context.providerStatus === 409
}

/** Drive's resumable uploads. The session URI is its own credential and is never signed. */
export function driveSessions(parts: DriveParts): Sessions {
  const { http, rootUrl, clock } = parts

  const open = async (plan: Plan, metadata: object, id: string | undefined, signal?: AbortSignal) => {
    const response = await http({
      operation: 'upload.begin',
      method: id === undefined ? 'POST' : 'PATCH',
      url: uploadUrl(rootUrl, 'resumable', id),
      headers: {
        'content-type': 'application/json; charset=UTF-8',
        'x-upload-content-type': mimeTypeOf(plan),
        'x-upload-content-length': String(plan.size),
      },
      body: Buffer.from(JSON.stringify(metadata)),
      signal,
    })
    await readText(response.body, 1024)
    const { location } = response.headers
    if (location === undefined) {
      throw new ServiceError('provider_error', 'Google Drive opened no upload session.', {
        retry: { retryable: true },
        context: { providerStatus: response.status },
      })
    }
    return { url: secret(location), expiresAt: clock.now() + sessionLifetimeMs }
  }

  const progressOf = async (response: HttpResponse, signal?: AbortSignal): Promise<UploadProgress> => {
    const { status, headers } = response
    if (status === 200 || status === 201) {
      const file = await readJson(response, fileSchema)
      // A session goes on answering what it has made, also after that was thrown away.
      return file.explicitlyTrashed
        ? { state: 'gone' }
        : { state: 'done', entry: await settled(parts, file, signal) }
    }
    await readText(response.body, 4096)
    if (status !== 308) return { state: 'gone' }
    // No Range header means that nothing is kept.
    const last = /^bytes=0-(\d+)$/.exec(headers.range ?? '')?.[1]
    return { state: 'open', offset: last === undefined ? 0 : Number(last) + 1 }
  }

  return {
    mode: 'stream',
    fragmentBytes: chunkSize,

    async begin(plan, { signal } = {}): Promise<UploadSession> {
      const { target } = plan
      if (target.kind === 'replace') return open(plan, replaceMetadata(plan), target.objectKey, signal)
      const id = newIdOf(target)
      try {
        return await inFolder(
          parts,
          (parent) => open(plan, createMetadata(plan, target.file, id, parent), undefined, signal),
          signal,
        )
      } catch (error) {
        // An earlier attempt made the file and its answer was lost: its content is written again.
        if (isIdInUse(error)) return open(plan, replaceMetadata(plan), id, signal)
        throw error
      }
    },

    async send(session, { body, offset, total }, { signal } = {}) {
      const response = await http({
        operation: 'upload.send',
        method: 'PUT',
        url: session.url.reveal(),
        auth: 'none',
        headers: { 'content-range': contentRange(offset, body.size, total) },
        body,
        expect: sessionAnswers,
        signal,
        timeouts: commitTimeouts,
      })
      return progressOf(response, signal)
    },

    async ask(session, total, { signal } = {}) {
      const response = await http({
        operation: 'upload.query',
        method: 'PUT',
        url: session.url.reveal(),
        auth: 'none',
        headers: { 'content-range': `bytes */${String(total)}` },
        expect: sessionAnswers,
        signal,
        timeouts: commitTimeouts,
      })
      return progressOf(response, signal)
    },

    async cancel(session, { signal } = {}) {
      // 499 is what Cloud Storage, the same front end, answers to a cancellation; unfinished data is never a
      // file.
      const response = await http({
        operation: 'upload.cancel',
        method: 'DELETE',
        url: session.url.reveal(),
        auth: 'none',
        expect: [...sessionAnswers, 400, 405, 499],
        signal,
      })
      await readText(response.body, 4096)
    },
  }
}

/**
 * 308 is "go on", 404 and 410 an ended session; 409 at the end means that the file exists already: ask for
 * it.
 */
const sessionAnswers: readonly number[] = [308, 404, 409, 410]
