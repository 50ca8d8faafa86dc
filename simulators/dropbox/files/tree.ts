import type { AppFolder, DropboxState, Entry } from '../state.ts'
import { folderKey, nameKey, nextNumber } from '../state.ts'
import { refused } from './errors.ts'

/** A place in the tree: the folder that a name is in, and what stands there. */
export interface Place {
  parent: string
  name: string
  entry: Entry | undefined
}

const owner = ({ account, clientId }: AppFolder) => ({ account: account.email, clientId })

/** Names that Dropbox keeps for itself or for computers. https://help.dropbox.com/organize/file-names */
const DISALLOWED = /^(?:desktop\.ini|thumbs\.db|\.ds_store|icon\r|\.dropbox|\.dropbox\.attr)$/i

/** https://rclone.org/dropbox/#restricted-filename-characters */
const MALFORMED = /[\\\p{Cc}]| $|^\.{1,2}$/u

/** The names of a path, from the app's folder down; undefined for what is no path. */
export function namesOf(path: string): string[] | undefined {
  const relative = path.replace(/^ns:[0-9]+/, '')
  if (relative === '' || relative === '/') return []
  const names = relative.slice(1).split('/')
  const malformed = names.some((name) => name === '' || name.length > 255 || MALFORMED.test(name))
  return malformed ? undefined : names
}

export const isDisallowed = (name: string): boolean => DISALLOWED.test(name)

/** What is under a name, deleted entries left out. */
export function childOf(
  state: DropboxState,
  folder: AppFolder,
  parent: string,
  name: string,
): Entry | undefined {
  const key = nameKey(folderKey(owner(folder), parent), name)
  return state.entries.where('name', key).find(({ deletedAt }) => deletedAt === undefined)
}

/** Everything directly in a folder, in order of names. */
export function childrenOf(state: DropboxState, folder: AppFolder, parent: string, deleted = false): Entry[] {
  return state.entries
    .where('folder', folderKey(owner(folder), parent))
    .filter(({ deletedAt }) => deleted || deletedAt === undefined)
    .toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))
}

/** The entry of an id, if it is this app's and is there (it and all folders above it). */
export function byId(state: DropboxState, folder: AppFolder, id: string): Entry | undefined {
  const entry = state.entries.get(id)
  const { account, clientId } = owner(folder)
  const isHere = entry?.account === account && entry.clientId === clientId && isAlive(state, entry)
  return isHere ? entry : undefined
}

function isAlive(state: DropboxState, entry: Entry): boolean {
  if (entry.deletedAt !== undefined) return false
  const parent = entry.parent === '' ? undefined : state.entries.get(entry.parent)
  return entry.parent === '' || (parent !== undefined && isAlive(state, parent))
}

/**
 * What a path, an id or a revision names; undefined when nothing is there. `error` is for a malformed path.
 */
export function find(
  state: DropboxState,
  folder: AppFolder,
  path: string,
  error: string,
): Entry | 'root' | undefined {
  if (path.startsWith('id:')) return byId(state, folder, path)
  if (path.startsWith('rev:')) {
    const entry = state.entries.where('rev', path.slice(4)).at(0)
    return entry && byId(state, folder, entry.id)
  }
  const names = namesOf(path)
  if (names === undefined) throw refused(`${error}/malformed_path`)
  let at: Entry | 'root' = 'root'
  for (const name of names) {
    const parent: Entry | undefined = childOf(state, folder, at === 'root' ? '' : at.id, name)
    if (parent === undefined) return undefined
    at = parent
  }
  return at
}

/**
 * The place that something is written to, its folders made on the way. Throws 409 under `error` where a file
 * stands in the way of a folder.
 */
export function placeFor(state: DropboxState, folder: AppFolder, path: string, error: string): Place {
  if (path.startsWith('id:')) {
    const entry = byId(state, folder, path)
    // What a write to the id of a deleted file answers is not documented.
    if (entry === undefined) throw refused(`${error}/malformed_path`)
    return { parent: entry.parent, name: entry.name, entry }
  }
  const names = namesOf(path)
  const name = names?.at(-1)
  if (names === undefined || name === undefined) throw refused(`${error}/malformed_path`)
  if (names.some(isDisallowed)) throw refused(`${error}/disallowed_name`)
  let parent = ''
  for (const above of names.slice(0, -1)) {
    const known = childOf(state, folder, parent, above)
    if (known?.content !== undefined) throw refused(`${error}/conflict/file_ancestor`)
    parent = (known ?? makeFolder(state, folder, parent, above)).id
  }
  return { parent, name, entry: childOf(state, folder, parent, name) }
}

export function makeFolder(state: DropboxState, folder: AppFolder, parent: string, name: string): Entry {
  const entry: Entry = {
    ...owner(folder),
    id: newId(state),
    name,
    parent,
    createdAt: state.clock.now(),
    change: nextNumber(state, 'change'),
  }
  state.entries.put(entry.id, entry)
  return entry
}

export function newId(state: DropboxState): string {
  return `id:${state.random.text(22)}`
}

/** The first name that is free: `document (2).txt`, or as `update` names what it could not write over. */
export function freeName(state: DropboxState, folder: AppFolder, place: Place, conflicted = false): string {
  const dot = place.name.lastIndexOf('.')
  const [stem, extension] = dot > 0 ? [place.name.slice(0, dot), place.name.slice(dot)] : [place.name, '']
  for (let n = 2; ; n += 1) {
    const mark = conflicted ? `conflicted copy${n === 2 ? '' : ` ${n - 1}`}` : String(n)
    const name = `${stem} (${mark})${extension}`
    if (childOf(state, folder, place.parent, name) === undefined) return name
  }
}

/** Where an entry is, as it is spelled. */
export function pathOf(state: DropboxState, entry: Pick<Entry, 'parent' | 'name'>): string {
  const parent = entry.parent === '' ? undefined : state.entries.get(entry.parent)
  return `${parent === undefined ? '' : pathOf(state, parent)}/${entry.name}`
}

/** An entry and everything below it, deleted entries left out. */
export function withDescendants(state: DropboxState, folder: AppFolder, entry: Entry): Entry[] {
  if (entry.content !== undefined) return [entry]
  return [
    entry,
    ...childrenOf(state, folder, entry.id).flatMap((child) => withDescendants(state, folder, child)),
  ]
}
