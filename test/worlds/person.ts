import { userId, userKeyOf } from '../../lib/ids.ts'
import { pathOf } from '../../lib/providers/dropbox/names.ts'
import { foldersOf } from '../../lib/providers/onedrive/names.ts'
import { tokenId } from '../../simulators/microsoft/drive/ids.ts'
import type { Place } from './beginning.ts'
import type { Deployment } from './deployment.ts'
import { storageBucket } from './deployment.ts'
import type { Cloud } from './drives.ts'
import { oauthClient } from './drives.ts'
import type { WireAnswer } from './in-process.ts'
import { sha256 } from './world.ts'

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

export function personOf(deployment: Deployment, place: Place): Person {
  if (place.provider === 's3') return inStorage(deployment, place)
  if (place.provider === 'dropbox') return inDropbox(deployment, place)
  return place.provider === 'onedrive' ? inOneDrive(deployment, place) : inGoogleDrive(deployment, place)
}

async function filesOf({ definition }: Deployment['clouds'][Cloud], account: string) {
  const found = await definition.control.files(account)
  return found.map(({ id, name, size, sha256: sha, trashed }) => ({ id, name, size, sha, live: !trashed }))
}

function inGoogleDrive({ clouds }: Deployment, { account }: Place): Person {
  const { state } = clouds.google
  const token = `person ${account}`
  const base = 'https://www.googleapis.com'
  const ask = async (method: string, path: string, body: Buffer, type = 'application/json') => {
    const now = state.clock.now()
    state.tokens.put(token, {
      token,
      kind: 'access',
      account,
      clientId: 'person',
      project: 'person',
      scopes: ['https://www.googleapis.com/auth/drive'],
      combined: false,
      issuedAt: now,
      usedAt: now,
      expiresAt: now + 1000,
    })
    const headers = { authorization: `Bearer ${token}`, 'content-type': type }
    return await clouds.ask({ method, url: `${base}${path}`, headers, body })
  }
  const patch = async (id: string, query: string, body: object): Promise<boolean> =>
    ok(await ask('PATCH', `/drive/v3/files/${id}${query}`, Buffer.from(JSON.stringify(body))))
  const none = Buffer.alloc(0)
  return {
    files: async () => await filesOf(clouds.google, account),
    edit: async (id, bytes) =>
      ok(await ask('PATCH', `/upload/drive/v3/files/${id}?uploadType=media`, bytes, 'text/plain')),
    rename: (id, name) => patch(id, '', { name }),
    move: (id) => patch(id, `?addParents=root&removeParents=${state.files.get(id)?.parent ?? ''}`, {}),
    trash: (id) => patch(id, '', { trashed: true }),
    restore: (id) => patch(id, '', { trashed: false }),
    remove: async (id) => ok(await ask('DELETE', `/drive/v3/files/${id}`, none)),
    async put(name, bytes) {
      const folder = state.files.where('account', account).find((file) => file.name === 'Driveway')
      const parents = folder ? [folder.id] : ['root']
      const id = idIn(await ask('POST', '/drive/v3/files', Buffer.from(JSON.stringify({ name, parents }))))
      if (id === undefined || bytes.length === 0) return id
      if (ok(await ask('PATCH', `/upload/drive/v3/files/${id}?uploadType=media`, bytes, 'text/plain')))
        return id
      // The drive is full.
      await ask('DELETE', `/drive/v3/files/${id}`, none)
      return undefined
    },
  }
}

function inOneDrive({ clouds }: Deployment, { account, sub }: Place): Person {
  const { context } = clouds.microsoft
  const token = `person ${account}`
  const base = 'https://graph.microsoft.com/v1.0/me/drive'
  const ask = async (method: string, path: string, body: Buffer, type = 'application/json') => {
    const generation = context.tables.accounts.get(account)?.accessGeneration ?? 0
    context.tables.accessTokens.put(tokenId(token), {
      id: tokenId(token),
      clientId: 'person',
      account,
      scopes: ['Files.ReadWrite'],
      generation,
      expiresAt: context.clock.now() + 1000,
    })
    const headers = { authorization: `Bearer ${token}`, 'content-type': type }
    return await clouds.ask({ method, url: `${base}${path}`, headers, body })
  }
  const patch = async (id: string, body: object): Promise<boolean> =>
    ok(await ask('PATCH', `/items/${id}`, Buffer.from(JSON.stringify(body))))
  const bin = async (id: string): Promise<boolean> => ok(await ask('DELETE', `/items/${id}`, Buffer.alloc(0)))
  const rootId = (): string => context.tables.accounts.get(account)?.rootId ?? ''
  const folder = foldersOf('Driveway', userId(sub))
  return {
    files: async () => await filesOf(clouds.microsoft, account),
    edit: async (id, bytes) => ok(await ask('PUT', `/items/${id}/content`, bytes, 'text/plain')),
    rename: (id, name) => patch(id, { name }),
    move: (id) => patch(id, { parentReference: { id: rootId() } }),
    trash: bin,
    // The simulator has no restoring.
    restore: () => Promise.resolve(false),
    remove: bin,
    async put(name, bytes) {
      const path = [...folder, name].map(encodeURIComponent).join('/')
      const query = '?@microsoft.graph.conflictBehavior=fail'
      return idIn(await ask('PUT', `/root:/${path}:/content${query}`, bytes, 'text/plain'))
    },
  }
}

function inDropbox({ clouds }: Deployment, { account, sub }: Place): Person {
  const { state, definition } = clouds.dropbox
  const token = `person ${account}`
  const call = async (route: string, argument: object, content?: Buffer): Promise<WireAnswer | undefined> => {
    state.tokens.put(token, {
      token,
      kind: 'access',
      account,
      clientId: oauthClient.clientId,
      scopes: ['files.metadata.read', 'files.content.read', 'files.content.write'],
      expiresAt: state.clock.now() + 1000,
    })
    const given = JSON.stringify(argument)
    const [host, headers, body] =
      content === undefined
        ? ['api', { 'content-type': 'application/json' }, Buffer.from(given)]
        : ['content', { 'content-type': 'application/octet-stream', 'dropbox-api-arg': given }, content]
    const authorization = `Bearer ${token}`
    const url = `https://${host}.dropboxapi.com/2/files/${route}`
    return await clouds.ask({ method: 'POST', url, headers: { ...headers, authorization }, body })
  }
  const path = async (id: string): Promise<string> =>
    (await definition.control.files(account)).find((file) => file.id === id)?.path ?? ''
  const move = async (id: string, to: string): Promise<boolean> =>
    ok(await call('move_v2', { from_path: id, to_path: to }))
  const bin = async (id: string): Promise<boolean> => ok(await call('delete_v2', { path: id }))
  return {
    files: async () => await filesOf(clouds.dropbox, account),
    edit: async (id, bytes) => ok(await call('upload', { path: await path(id), mode: 'overwrite' }, bytes)),
    rename: async (id, name) => move(id, (await path(id)).replace(/[^/]*$/, name)),
    move: async (id) => move(id, `/elsewhere/${(await path(id)).split('/').at(-1) ?? ''}`),
    trash: bin,
    restore: async (id) => {
      const rev = state.entries.get(id)?.content?.rev
      return ok(await call('restore', { path: await path(id), rev }))
    },
    remove: bin,
    put: async (file, bytes) =>
      idIn(await call('upload', { path: pathOf('Driveway', userId(sub), file), mode: 'add' }, bytes)),
  }
}

function inStorage({ aws, clouds }: Deployment, { sub }: Place): Person {
  const prefix = `${userKeyOf(userId(sub))}/`
  const { buckets } = aws
  const put = (key: string, bytes: Buffer): void => {
    buckets.put(storageBucket, key, {
      bytes,
      modifiedAt: clouds.google.state.clock.now(),
      contentType: 'text/plain',
    })
  }
  const remove = (id: string): Promise<boolean> =>
    Promise.resolve(buckets.objects.delete(`${storageBucket}/${id}`))
  const cannot = (): Promise<boolean> => Promise.resolve(false)
  return {
    files: () =>
      Promise.resolve(
        buckets
          .of(storageBucket)
          .filter(([key]) => key.startsWith(prefix))
          .map(([id, { bytes }]) => ({
            id,
            name: id.slice(prefix.length),
            size: bytes.length,
            sha: sha256(bytes),
            live: true,
          })),
      ),
    edit(id, bytes) {
      put(id, bytes)
      return Promise.resolve(true)
    },
    rename: cannot,
    move: cannot,
    trash: remove,
    restore: cannot,
    remove,
    put(file, bytes) {
      const id = `${prefix}${file}`
      if (buckets.objects.has(`${storageBucket}/${id}`)) return Promise.resolve(undefined)
      put(id, bytes)
      return Promise.resolve(id)
    },
  }
}
