import * as z from 'zod/mini'
import type { Exchange } from '../../kernel/exchange.ts'
import type { DriveFile, GoogleState, PastRevision } from '../state.ts'
import type { Caller } from './access.ts'
import { authenticate, FOLDER, SHORTCUT, visibleFile } from './access.ts'
import { dropBlob, recount, replaceFile } from './content.ts'
import { sendContent } from './download.ts'
import { driveError } from './errors.ts'
import {
  applyMask,
  parseFields,
  REVISION_DEFAULT,
  REVISION_SCHEMA,
  REVISIONS_DEFAULT,
  REVISIONS_SCHEMA,
} from './fields.ts'
import { ownFile } from './files.ts'
import { numberedPage } from './pages.ts'
import { pastRevisions, removeRevisions, revisionKey } from './past-revisions.ts'
import { isNative, toUser } from './resource.ts'

type Revision = Omit<PastRevision, 'supersededAt'>

const MOST_KEPT = 200

/**
 * `GET /drive/v3/files/{id}/revisions`, the oldest first. Of Docs types there is one, without content.
 * https://developers.google.com/workspace/drive/api/guides/manage-revisions
 */
export async function listRevisions(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x)
  const { searchParams: query } = x.url
  const mask = parseFields(query.get('fields') || REVISIONS_DEFAULT, REVISIONS_SCHEMA)
  const file = visibleFile(state, caller, x.params['id'] ?? '')
  const native = {
    kind: 'drive#revision',
    id: '1',
    mimeType: file.mimeType,
    modifiedTime: iso(file.modifiedTime),
  }
  const all = hasNoContent(file)
    ? [native]
    : revisionsOf(state, file).map((revision) => toResource(caller, revision))
  const { shown, next } = numberedPage(all, query, 200)
  const list = { kind: 'drive#revisionList', nextPageToken: next, revisions: shown }
  await x.json(200, applyMask(list, mask))
}

/** `GET .../revisions/{revision}`: metadata, or the bytes with `alt=media`. */
export async function getRevision(state: GoogleState, x: Exchange): Promise<void> {
  const media = x.url.searchParams.get('alt') === 'media'
  const caller = authenticate(state, x, media ? 'content' : 'read')
  const file = visibleFile(state, caller, x.params['id'] ?? '')
  const revision = revisionOf(state, file, x.params['revision'] ?? '')
  if (media) return sendContent(state, x, revision.content, revision.mimeType)
  await answer(caller, x, revision)
}

const changes = z.object({ keepForever: z.optional(z.nullable(z.boolean())) })

/** `PATCH .../revisions/{revision}`: `keepForever`. Publishing is for Docs types and not simulated. */
export async function updateRevision(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  const file = ownFile(state, caller, x.params['id'] ?? '')
  const revision = revisionOf(state, file, x.params['revision'] ?? '')
  const body = changes.safeParse(await x.jsonBody().catch(() => undefined))
  if (!body.success) throw driveError(400, 'badRequest', { message: 'Invalid JSON payload received.' })
  const keepForever = body.data.keepForever ?? revision.content.keepForever ?? false
  const kept = revisionsOf(state, file).filter(({ content }) => content.keepForever === true)
  if (keepForever && revision.content.keepForever !== true && kept.length >= MOST_KEPT) {
    throw driveError(403, 'revisionsLimitExceeded', { message: 'Too many revisions are kept forever.' })
  }
  const content = { ...revision.content, keepForever }
  if (file.content?.revision === content.revision) state.files.put(file.id, { ...file, content })
  else put(state, { ...revision, content })
  recount(state, file.account)
  await answer(caller, x, { ...revision, content })
}

/** `DELETE .../revisions/{revision}`: for good. The only one stays. */
export async function deleteRevision(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  const file = ownFile(state, caller, x.params['id'] ?? '')
  const revision = revisionOf(state, file, x.params['revision'] ?? '')
  const past = pastRevisions(state, file.id)
  const before = past.at(-1)
  if (before === undefined) {
    throw driveError(403, 'cannotDeleteOnlyRevision', { message: 'The only revision cannot be deleted.' })
  }
  state.store.transaction(() => {
    if (file.content?.revision === revision.content.revision) {
      removeRevisions(state, [before])
      replaceFile(state, { ...file, content: before.content, mimeType: before.mimeType })
    } else {
      state.revisions.delete(revisionKey(file.id, revision.content.revision))
    }
  })
  recount(state, file.account)
  await dropBlob(state, revision.content.blob)
  await x.send(204, {})
}

/** A document of Google's own kinds, which a folder or a shortcut is not. */
function hasNoContent(file: DriveFile): boolean {
  return isNative(file.mimeType) && file.mimeType !== FOLDER && file.mimeType !== SHORTCUT
}

function put(state: GoogleState, revision: Revision): void {
  const key = revisionKey(revision.file, revision.content.revision)
  const known = state.revisions.get(key)
  if (known !== undefined) state.revisions.put(key, { ...known, content: revision.content })
}

/** All that there are, the newest last. */
function revisionsOf(state: GoogleState, file: DriveFile): Revision[] {
  const { content, account, mimeType, modifiedTime } = file
  if (content === undefined) {
    throw driveError(403, 'revisionsNotSupported', { message: 'The file does not support revisions.' })
  }
  const originalFilename = file.originalFilename ?? file.name
  return [
    ...pastRevisions(state, file.id),
    { file: file.id, account, content, mimeType, originalFilename, modifiedTime },
  ]
}

function revisionOf(state: GoogleState, file: DriveFile, id: string): Revision {
  const all = revisionsOf(state, file)
  const found = id === 'head' ? all.at(-1) : all.find(({ content }) => content.revision === id)
  if (found !== undefined) return found
  throw driveError(404, 'notFound', {
    message: `Revision not found: ${id}.`,
    location: 'revisionId',
    locationType: 'parameter',
  })
}

function answer(caller: Caller, x: Exchange, revision: Revision): Promise<void> {
  const mask = parseFields(x.url.searchParams.get('fields') || REVISION_DEFAULT, REVISION_SCHEMA)
  return x.json(200, applyMask(toResource(caller, revision), mask))
}

function toResource(caller: Caller, revision: Revision): Record<string, unknown> {
  const { content } = revision
  return {
    kind: 'drive#revision',
    id: content.revision,
    mimeType: revision.mimeType,
    modifiedTime: iso(revision.modifiedTime),
    keepForever: content.keepForever ?? false,
    published: false,
    lastModifyingUser: toUser(caller.account),
    originalFilename: revision.originalFilename,
    md5Checksum: content.md5,
    size: String(content.size),
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
