import { Readable } from 'node:stream'
import type { Content, DriveFile, GoogleState } from '../state.ts'
import type { Caller } from './access.ts'
import { noteChange } from './changes.ts'
import { driveError } from './errors.ts'
import { refuseUsedId } from './metadata.ts'
import { removeRevisions } from './past-revisions.ts'

// Summed up once for each account and then kept up, so that an
// upload does not read every file of the account.
const sums = new WeakMap<GoogleState, Map<string, number>>()

/**
 * The bytes an account uses; what is in the trash counts until it is purged,
 * and of past revisions those that are kept for ever.
 */
export function usage(state: GoogleState, account: string): number {
  const known = sums.get(state) ?? new Map<string, number>()
  sums.set(state, known)
  const files = known.has(account) ? [] : state.files.where('account', account)
  const kept = known.has(account) ? [] : state.revisions.where('kept', account)
  const total =
    known.get(account) ?? [...files, ...kept].reduce((sum, { content }) => sum + (content?.size ?? 0), 0)
  known.set(account, total)
  return total
}

/** Refuses what would not fit: 403 storageQuotaExceeded. `replaced` is what goes away in exchange. */
export function requireSpace(state: GoogleState, caller: Caller, bytes: number, replaced: number): void {
  if (bytes === 0) return
  const free = caller.account.limitBytes - usage(state, caller.account.email) + replaced
  if (bytes > free) throw driveError(403, 'storageQuotaExceeded')
}

/**
 * What a finished blob becomes as a file's content, with so many
 * bytes added; its hashes were made while it was written.
 */
export async function finishedContent(state: GoogleState, blob: string, rewritten = 0): Promise<Content> {
  const size = await state.blobs.grow(blob, rewritten)
  const { md5 = '', sha1 = '', sha256 = '' } = await state.blobs.digests(blob)
  return { blob, size, md5, sha1, sha256, revision: newRevision(state) }
}

export function newRevision(state: GoogleState): string {
  return `0B${state.random.text(49)}`
}

/** The content of a file made without any: no bytes, and the hashes of that. */
export async function emptyContent(state: GoogleState): Promise<Content> {
  const blob = newBlob(state)
  await state.blobs.write(blob, 0, Readable.from([]))
  return finishedContent(state, blob)
}

/** A name for content that is about to arrive. */
export function newBlob(state: GoogleState): string {
  return `c${state.random.bytes(16).toString('hex')}`
}

/** Stores a new file; another one that took the id in the meantime wins. */
export function insertFile(state: GoogleState, file: DriveFile): DriveFile {
  return state.store.transaction(() => {
    refuseUsedId(state, file.id)
    return putFile(state, file)
  })
}

/** Stores a changed file under its next version. Last writer wins: Drive has no precondition here. */
export function replaceFile(state: GoogleState, file: DriveFile): DriveFile {
  return putFile(state, { ...file, version: file.version + 1 })
}

/** Forgets files for good, with all their revisions; their ids are never accepted again. */
export async function removeFiles(state: GoogleState, files: DriveFile[]): Promise<void> {
  const past = state.store.transaction(() => {
    for (const file of files) {
      if (!state.files.delete(file.id)) continue
      state.usedIds.put(file.id, true)
      noteChange(state, file, 'removed')
    }
    return files.flatMap(({ id }) => removeRevisions(state, state.revisions.where('file', id)))
  })
  for (const { account, content } of files) {
    recount(state, account)
    await dropBlob(state, content?.blob)
  }
  for (const blob of past) await dropBlob(state, blob)
}

/** The account's bytes are summed up anew when they are asked for. */
export function recount(state: GoogleState, account: string): void {
  sums.get(state)?.delete(account)
}

function putFile(state: GoogleState, file: DriveFile): DriveFile {
  const before = state.files.get(file.id)?.content?.size ?? 0
  const total = usage(state, file.account)
  state.files.put(file.id, file)
  noteChange(state, file)
  sums.get(state)?.set(file.account, total - before + (file.content?.size ?? 0))
  return file
}

/** Removes content that no file refers to any more; a download in progress still finishes. */
export async function dropBlob(state: GoogleState, blob: string | undefined): Promise<void> {
  if (blob !== undefined) await state.blobs.delete(blob)
}
