import type { GoogleState, PastRevision } from '../state.ts'

const DAY = 86_400_000
/** https://developers.google.com/workspace/drive/api/guides/change-overview#revisions */
const PURGED_AFTER = 30 * DAY
const MOST_PAST = 100

export function revisionKey(file: string, revision: string): string {
  return `${file} ${revision}`
}

/**
 * The file's content becomes a past revision, as new content is about to take its place.
 * @returns blobs that nothing refers to any more, of revisions that are purged in exchange
 */
export function supersede(state: GoogleState, id: string): string[] {
  const file = state.files.get(id)
  if (file?.content === undefined) return []
  const { content, account, mimeType, modifiedTime } = file
  const originalFilename = file.originalFilename ?? file.name
  const past = { file: id, account, content, mimeType, originalFilename, modifiedTime }
  state.revisions.put(revisionKey(id, content.revision), { ...past, supersededAt: state.clock.now() })
  return purge(state, id)
}

/** Past revisions, the oldest first, without those whose time is over. */
export function pastRevisions(state: GoogleState, file: string): PastRevision[] {
  const outdated = new Set(expired(state, file))
  return state.revisions.where('file', file).filter((revision) => !outdated.has(revision.content.revision))
}

/** Forgets revisions. @returns their blobs */
export function removeRevisions(state: GoogleState, revisions: readonly PastRevision[]): string[] {
  return revisions.map(({ file, content }) => {
    state.revisions.delete(revisionKey(file, content.revision))
    return content.blob
  })
}

function purge(state: GoogleState, file: string): string[] {
  const outdated = new Set(expired(state, file))
  const all = state.revisions.where('file', file)
  return removeRevisions(
    state,
    all.filter((revision) => outdated.has(revision.content.revision)),
  )
}

/** What is 30 days behind newer content, or has a hundred newer ones before it, and is not kept for ever. */
function expired(state: GoogleState, file: string): string[] {
  const loose = state.revisions.where('file', file).filter(({ content }) => content.keepForever !== true)
  const line = state.clock.now() - PURGED_AFTER
  return loose
    .filter(({ supersededAt }, at) => supersededAt <= line || at < loose.length - MOST_PAST)
    .map(({ content }) => content.revision)
}
