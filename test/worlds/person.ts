import { userId, userKeyOf } from '../../lib/ids.ts'
import { pathOf } from '../../lib/providers/dropbox/names.ts'
import { foldersOf } from '../../lib/providers/onedrive/names.ts'
import type { Place } from './places.ts'
import type { Cloud } from './drives.ts'
import type { Ground } from './ground.ts'
import type { WireAnswer } from './in-process.ts'
import { sha256 } from './ledger.ts'

/** A file in one user's drive, as whoever looks into the drive sees it. */
export interface File {
  readonly id: string
  readonly name: string
  readonly size: number
  readonly sha: string
  readonly live: boolean
}

/** What the owner of a drive does there, at once and without telling anybody. */
export interface Person {
  files(): Promise<File[]>
  /** Only what can be done there is done. */
  edit(id: string, bytes: Buffer): Promise<boolean>
  rename(id: string, name: string): Promise<boolean>
  move(id: string): Promise<boolean>
  trash(id: string): Promise<boolean>
  restore(id: string): Promise<boolean>
  remove(id: string): Promise<boolean>
  /** A file of their own, exactly where a document of that file name goes; its id. */
  put(file: string, bytes: Buffer): Promise<string | undefined>
}

const ok = (answer: WireAnswer | undefined): boolean =>
  answer !== undefined && answer.status >= 200 && answer.status < 300
const idIn = (answer: WireAnswer | undefined): string | undefined =>
  ok(answer) ? (JSON.parse(answer?.body.toString() ?? '') as { readonly id: string }).id : undefined

export function personOf(ground: Ground, place: Place): Person {
  if (place.provider === 's3') return inStorage(ground, place)
  if (place.provider === 'dropbox') return inDropbox(ground, place)
  return place.provider === 'onedrive' ? inOneDrive(ground, place) : inGoogleDrive(ground, place)
}

async function filesOf(ground: Ground, cloud: Cloud, account: string): Promise<File[]> {
  const found = await ground.control(cloud).files(account)
  return found.map(({ id, name, size, sha256: sha, trashed }) => ({ id, name, size, sha, live: !trashed }))
}

const none = Buffer.alloc(0)
const json = (body: object): Buffer => Buffer.from(JSON.stringify(body))
const jsonIn = (answer: WireAnswer | undefined): Record<string, unknown> =>
  ok(answer) ? (JSON.parse(answer?.body.toString() ?? '') as Record<string, unknown>) : {}

function inGoogleDrive(ground: Ground, { account }: Place): Person {
  const ask = async (method: string, path: string, body: Buffer, type = 'application/json') => {
    const authorization = `Bearer ${await ground.bearer('google', account)}`
    const headers = { authorization, 'content-type': type }
    return await ground.askProvider({ method, url: `https://www.googleapis.com${path}`, headers, body })
  }
  const patch = async (id: string, query: string, body: object): Promise<boolean> =>
    ok(await ask('PATCH', `/drive/v3/files/${id}${query}`, json(body)))
  const fill = async (id: string, bytes: Buffer): Promise<boolean> =>
    ok(await ask('PATCH', `/upload/drive/v3/files/${id}?uploadType=media`, bytes, 'text/plain'))
  return {
    files: () => filesOf(ground, 'google', account),
    edit: fill,
    rename: (id, name) => patch(id, '', { name }),
    async move(id) {
      const { parents } = jsonIn(await ask('GET', `/drive/v3/files/${id}?fields=parents`, none))
      const from = Array.isArray(parents) ? parents.join() : ''
      return await patch(id, `?addParents=root&removeParents=${from}`, {})
    },
    trash: (id) => patch(id, '', { trashed: true }),
    restore: (id) => patch(id, '', { trashed: false }),
    remove: async (id) => ok(await ask('DELETE', `/drive/v3/files/${id}`, none)),
    async put(name, bytes) {
      const query = new URLSearchParams({ q: "name = 'Driveway' and trashed = false", fields: 'files(id)' })
      const { files } = jsonIn(await ask('GET', `/drive/v3/files?${query.toString()}`, none))
      const [folder] = (files ?? []) as readonly { readonly id: string }[]
      const id = idIn(await ask('POST', '/drive/v3/files', json({ name, parents: [folder?.id ?? 'root'] })))
      if (id === undefined || bytes.length === 0 || (await fill(id, bytes))) return id
      // The drive is full.
      await ask('DELETE', `/drive/v3/files/${id}`, none)
      return undefined
    },
  }
}

function inOneDrive(ground: Ground, { account, sub }: Place): Person {
  const base = 'https://graph.microsoft.com/v1.0/me/drive'
  const ask = async (method: string, path: string, body: Buffer, type = 'application/json') => {
    const authorization = `Bearer ${await ground.bearer('microsoft', account)}`
    const headers = { authorization, 'content-type': type }
    return await ground.askProvider({ method, url: `${base}${path}`, headers, body })
  }
  const patch = async (id: string, body: object): Promise<boolean> =>
    ok(await ask('PATCH', `/items/${id}`, json(body)))
  const bin = async (id: string): Promise<boolean> => ok(await ask('DELETE', `/items/${id}`, none))
  const folder = foldersOf('Driveway', userId(sub))
  return {
    files: () => filesOf(ground, 'microsoft', account),
    edit: async (id, bytes) => ok(await ask('PUT', `/items/${id}/content`, bytes, 'text/plain')),
    rename: (id, name) => patch(id, { name }),
    move: async (id) => patch(id, { parentReference: { id: idIn(await ask('GET', '/root', none)) } }),
    trash: bin,
    // Only personal accounts have it.
    restore: async (id) => ok(await ask('POST', `/items/${id}/restore`, json({}))),
    remove: bin,
    async put(name, bytes) {
      const path = [...folder, name].map(encodeURIComponent).join('/')
      const query = '?@microsoft.graph.conflictBehavior=fail'
      return idIn(await ask('PUT', `/root:/${path}:/content${query}`, bytes, 'text/plain'))
    },
  }
}

function inDropbox(ground: Ground, { account, sub }: Place): Person {
  const call = async (route: string, argument: object, content?: Buffer): Promise<WireAnswer | undefined> => {
    const [host, headers, body] =
      content === undefined
        ? ['api', { 'content-type': 'application/json' }, json(argument)]
        : [
            'content',
            { 'content-type': 'application/octet-stream', 'dropbox-api-arg': JSON.stringify(argument) },
            content,
          ]
    const authorization = `Bearer ${await ground.bearer('dropbox', account)}`
    const url = `https://${host}.dropboxapi.com/2/files/${route}`
    return await ground.askProvider({ method: 'POST', url, headers: { ...headers, authorization }, body })
  }
  const path = async (id: string): Promise<string> =>
    (await ground.control('dropbox').files(account)).find((file) => file.id === id)?.path ?? ''
  const move = async (id: string, to: string): Promise<boolean> =>
    ok(await call('move_v2', { from_path: id, to_path: to }))
  const bin = async (id: string): Promise<boolean> => ok(await call('delete_v2', { path: id }))
  return {
    files: () => filesOf(ground, 'dropbox', account),
    edit: async (id, bytes) => ok(await call('upload', { path: await path(id), mode: 'overwrite' }, bytes)),
    rename: async (id, name) => move(id, (await path(id)).replace(/[^/]*$/, name)),
    move: async (id) => move(id, `/elsewhere/${(await path(id)).split('/').at(-1) ?? ''}`),
    trash: bin,
    async restore(id) {
      const { entries } = jsonIn(await call('list_revisions', { path: id, mode: 'id', limit: 1 }))
      const [last] = (entries ?? []) as readonly { readonly rev: string; readonly path_lower: string }[]
      return last !== undefined && ok(await call('restore', { path: last.path_lower, rev: last.rev }))
    },
    remove: bin,
    put: async (file, bytes) =>
      idIn(await call('upload', { path: pathOf('Driveway', userId(sub), file), mode: 'add' }, bytes)),
  }
}

function inStorage(ground: Ground, { sub }: Place): Person {
  const prefix = `${userKeyOf(userId(sub))}/`
  const remove = (id: string): Promise<boolean> => ground.removeObject('storage', id)
  const cannot = (): Promise<boolean> => Promise.resolve(false)
  return {
    async files() {
      const lying = await ground.objects('storage')
      return lying
        .filter(({ key }) => key.startsWith(prefix))
        .map(({ key: id, bytes }) => ({
          id,
          name: id.slice(prefix.length),
          size: bytes.length,
          sha: sha256(bytes),
          live: true,
        }))
    },
    edit: (id, bytes) => ground.putObject('storage', id, bytes, false),
    rename: cannot,
    move: cannot,
    trash: remove,
    restore: cannot,
    remove,
    async put(file, bytes) {
      const id = `${prefix}${file}`
      return (await ground.putObject('storage', id, bytes, true)) ? id : undefined
    },
  }
}
