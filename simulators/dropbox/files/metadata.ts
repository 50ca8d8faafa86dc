import type { Content, DropboxState, Entry } from '../state.ts'
import { pathOf } from './tree.ts'

/** To the second, as Dropbox has all times. */
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** FileMetadata without its tag, which a route that only answers files leaves out. */
export function fileMetadata(state: DropboxState, entry: Entry, content: Content) {
  return {
    ...placeMetadata(state, entry),
    id: entry.id,
    client_modified: timestamp(content.clientModified),
    server_modified: timestamp(content.serverModified),
    rev: content.rev,
    size: content.size,
    is_downloadable: true,
    content_hash: content.contentHash,
  }
}

/** Metadata as a union: of a file, a folder, or something that was deleted. */
export function metadataOf(state: DropboxState, entry: Entry) {
  if (entry.deletedAt !== undefined) return { '.tag': 'deleted', ...placeMetadata(state, entry) }
  return entry.content === undefined
    ? { '.tag': 'folder', ...placeMetadata(state, entry), id: entry.id }
    : { '.tag': 'file', ...fileMetadata(state, entry, entry.content) }
}

/** What is known of a path where nothing is any more. */
export function vacatedMetadata(path: string) {
  return { '.tag': 'deleted', name: path.slice(path.lastIndexOf('/') + 1), ...paths(path) }
}

function placeMetadata(state: DropboxState, entry: Entry) {
  return { name: entry.name, ...paths(pathOf(state, entry)) }
}

function paths(path: string) {
  return { path_lower: path.toLowerCase(), path_display: path }
}
