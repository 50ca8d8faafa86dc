import type { Exchange } from '../../kernel/exchange.ts'
import type { AppFolder, DropboxState, Entry } from '../state.ts'
import { newRev, nextNumber } from '../state.ts'
import * as args from './arguments.ts'
import { openCall } from './call.ts'
import { keepPast, recount, usage } from './commit.ts'
import { badInput, refused } from './errors.ts'
import { metadataOf } from './metadata.ts'
import type { Place } from './tree.ts'
import { find, freeName, makeFolder, newId, pathOf, placeFor, withDescendants } from './tree.ts'
import { newBlob, WRITE } from './upload.ts'

/** `files/delete_v2`: the file goes to the deleted files, and no longer counts. */
export async function remove(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'rpc', WRITE, args.remove)
  const entry = existing(state, folder, arg.path, 'path_lookup')
  if (arg.parent_rev !== undefined && entry.content?.rev !== arg.parent_rev)
    throw refused('path_write/conflict/file')
  const metadata = metadataOf(state, entry)
  discard(state, folder, entry)
  await x.json(200, { metadata })
}

/**
 * `files/permanently_delete`: for apps of teams only, under a scope that no other app is given.
 * https://github.com/dropbox/dropbox-api-spec
 */
export async function permanentlyDelete(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg, route } = await openCall(state, x, 'rpc', 'files.permanent_delete', args.remove)
  if (!folder.account.team)
    throw badInput(route, 'This endpoint is only available for Dropbox Business apps.')
  const entry = existing(state, folder, arg.path, 'path_lookup')
  discard(state, folder, entry)
  for (const past of state.past.where('entry', entry.id)) {
    state.past.delete(`${entry.id} ${past.content.rev}`)
    await state.blobs.delete(past.content.blob)
  }
  await x.json(200, null)
}

/** `files/move_v2`: ids stay, whatever the path. Another spelling of the same name is none. */
export async function move(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'rpc', WRITE, args.relocate)
  const entry = existing(state, folder, arg.from_path, 'from_lookup')
  const moved = state.store.transaction(() => {
    const { parent, name } = targetOf(state, folder, arg.to_path, arg.autorename)
    if (isWithin(state, parent, entry)) throw refused('cant_move_folder_into_itself')
    for (const each of withDescendants(state, folder, entry)) vacate(state, each)
    const change = nextNumber(state, 'change')
    for (const each of withDescendants(state, folder, entry)) state.entries.put(each.id, { ...each, change })
    const after = { ...entry, parent, name, change }
    state.entries.put(entry.id, after)
    return after
  })
  await x.json(200, { metadata: metadataOf(state, moved) })
}

/** `files/copy_v2`, of a file or of a folder with everything in it. */
export async function copy(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'rpc', WRITE, args.relocate)
  const entry = existing(state, folder, arg.from_path, 'from_lookup')
  const { email, limitBytes } = folder.account
  const size = withDescendants(state, folder, entry).reduce(
    (sum, { content }) => sum + (content?.size ?? 0),
    0,
  )
  if (usage(state, email) + size > limitBytes) throw refused('insufficient_quota')
  const blobs = new Map<string, string>()
  for (const { content } of withDescendants(state, folder, entry)) {
    if (content === undefined) continue
    blobs.set(content.blob, newBlob(state))
    await state.blobs.copy(content.blob, blobs.get(content.blob) ?? '')
  }
  const copied = state.store.transaction(() => {
    const { parent, name } = targetOf(state, folder, arg.to_path, arg.autorename)
    if (isWithin(state, parent, entry)) throw refused('cant_move_folder_into_itself')
    return copyTo(state, folder, blobs, entry, { parent, name })
  })
  recount(state, email)
  await x.json(200, { metadata: metadataOf(state, copied) })
}

/** `files/create_folder_v2`, with the folders above it. */
export async function createFolder(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'rpc', WRITE, args.createFolder)
  const made = state.store.transaction(() => {
    const place = placeFor(state, folder, arg.path, 'path')
    const kind = place.entry?.content === undefined ? 'folder' : 'file'
    if (place.entry !== undefined && !arg.autorename) throw refused(`path/conflict/${kind}`)
    const name = place.entry === undefined ? place.name : freeName(state, folder, place)
    return makeFolder(state, folder, place.parent, name)
  })
  const { '.tag': _tag, ...metadata } = metadataOf(state, made)
  await x.json(200, { metadata })
}

function existing(state: DropboxState, folder: AppFolder, path: string, error: string): Entry {
  const entry = find(state, folder, path, error)
  if (entry === undefined || entry === 'root') throw refused(`${error}/not_found`)
  return entry
}

/** Into the deleted files, with everything below it. What is there stays for 30 days and can be restored. */
function discard(state: DropboxState, folder: AppFolder, entry: Entry): void {
  state.store.transaction(() => {
    const deletedAt = state.clock.now()
    for (const each of withDescendants(state, folder, entry)) {
      if (each.content !== undefined) keepPast(state, each.id, each.content)
      state.entries.put(each.id, { ...each, deletedAt, change: nextNumber(state, 'change') })
    }
  })
  recount(state, folder.account.email)
}

function targetOf(state: DropboxState, folder: AppFolder, path: string, autorename: boolean): Place {
  const place = placeFor(state, folder, path, 'to')
  if (place.entry === undefined) return place
  if (!autorename) throw refused(`to/conflict/${place.entry.content === undefined ? 'folder' : 'file'}`)
  return { ...place, name: freeName(state, folder, place), entry: undefined }
}

function isWithin(state: DropboxState, parent: string, entry: Entry): boolean {
  if (parent === entry.id) return true
  const above = parent === '' ? undefined : state.entries.get(parent)
  return above !== undefined && isWithin(state, above.parent, entry)
}

function vacate(state: DropboxState, entry: Entry): void {
  const { account, clientId } = entry
  const path = pathOf(state, entry)
  const place = { account, clientId, path, change: nextNumber(state, 'change') }
  state.vacated.put(`${account} ${clientId} ${path.toLowerCase()}`, place)
}

function copyTo(
  state: DropboxState,
  folder: AppFolder,
  blobs: ReadonlyMap<string, string>,
  entry: Entry,
  { parent, name }: Pick<Entry, 'parent' | 'name'>,
): Entry {
  const below = withDescendants(state, folder, entry).filter((each) => each.parent === entry.id)
  const { content } = entry
  const own = content && { ...content, blob: blobs.get(content.blob) ?? content.blob, rev: newRev(state) }
  const place = { id: newId(state), parent, name, change: nextNumber(state, 'change') }
  const made: Entry = { ...entry, ...place, ...(own === undefined ? {} : { content: own }) }
  state.entries.put(made.id, made)
  for (const child of below) copyTo(state, folder, blobs, child, { parent: made.id, name: child.name })
  return made
}
