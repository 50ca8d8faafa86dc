import * as z from 'zod/mini'

/** The provider's simulator and a token of the account, for what its user does there. */
export interface DriveAccount {
  readonly origin: string
  bearer(): Promise<string>
}

/** A person in front of their own drive. Files are named by the provider's ids. */
export interface DriveUser {
  edit(id: string, content: Uint8Array): Promise<void>
  rename(id: string, name: string): Promise<void>
  /** Into a folder of its own. */
  move(id: string): Promise<void>
  trash(id: string): Promise<void>
  restore(id: string): Promise<void>
  /** For good, where the drive lets a person do that. */
  remove(id: string): Promise<void>
}

const made = z.object({ id: z.string() })
const parents = z.object({ parents: z.array(z.string()) })
const metadata = z.object({ path_lower: z.string(), name: z.string() })
const revisions = z.object({ entries: z.array(z.object({ rev: z.string(), path_lower: z.string() })) })

function sender({ origin, bearer }: DriveAccount) {
  return async (
    method: string,
    path: string,
    body?: object | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<unknown> => {
    const isBytes = body instanceof Uint8Array
    const type = isBytes ? 'application/octet-stream' : 'application/json'
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization: await bearer(),
        ...(body === undefined ? {} : { 'content-type': type }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isBytes ? Buffer.from(body) : JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${String(answer.status)} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

function googleUser(account: DriveAccount): DriveUser {
  const send = sender(account)
  const file = (id: string): string => `/drive/v3/files/${id}`
  const patch = async (id: string, change: object): Promise<void> =>
    void (await send('PATCH', file(id), change))
  return {
    edit: async (id, content) => void (await send('PATCH', `/upload${file(id)}?uploadType=media`, content)),
    rename: (id, name) => patch(id, { name }),
    async move(id) {
      const folder = { name: 'elsewhere', mimeType: 'application/vnd.google-apps.folder' }
      const { id: to } = made.parse(await send('POST', '/drive/v3/files', folder))
      const { parents: from } = parents.parse(await send('GET', `${file(id)}?fields=parents`))
      await send('PATCH', `${file(id)}?addParents=${to}&removeParents=${from.join(',')}`, {})
    },
    trash: (id) => patch(id, { trashed: true }),
    restore: (id) => patch(id, { trashed: false }),
    remove: async (id) => void (await send('DELETE', file(id))),
  }
}

function microsoftUser(account: DriveAccount): DriveUser {
  const send = sender(account)
  const item = (id: string): string => `/v1.0/me/drive/items/${encodeURIComponent(id)}`
  const remove = async (id: string): Promise<void> => void (await send('DELETE', item(id)))
  return {
    edit: async (id, content) => void (await send('PUT', `${item(id)}/content`, content)),
    rename: async (id, name) => void (await send('PATCH', item(id), { name })),
    async move(id) {
      const folder = { name: 'elsewhere', folder: {}, '@microsoft.graph.conflictBehavior': 'rename' }
      const to = made.parse(await send('POST', '/v1.0/me/drive/root/children', folder))
      await send('PATCH', item(id), { parentReference: { id: to.id } })
    },
    trash: remove,
    restore: async (id) => void (await send('POST', `${item(id)}/restore`, {})),
    remove,
  }
}

function dropboxUser(account: DriveAccount): DriveUser {
  const send = sender(account)
  const call = (route: string, argument: object): Promise<unknown> => send('POST', `/2/${route}`, argument)
  const where = async (id: string) => metadata.parse(await call('files/get_metadata', { path: id }))
  const moveTo = async (id: string, to: string): Promise<void> =>
    void (await call('files/move_v2', { from_path: id, to_path: to }))
  const remove = async (id: string): Promise<void> => void (await call('files/delete_v2', { path: id }))
  return {
    async edit(id, content) {
      const argument = JSON.stringify({ path: id, mode: 'overwrite' })
      await send('POST', '/2/files/upload', content, { 'dropbox-api-arg': argument })
    },
    async rename(id, name) {
      const { path_lower: path } = await where(id)
      await moveTo(id, `${path.slice(0, path.lastIndexOf('/'))}/${name}`)
    },
    move: async (id) => moveTo(id, `/elsewhere ${String(Date.now())}/${(await where(id)).name}`),
    trash: remove,
    async restore(id) {
      const argument = { path: id, mode: 'id', limit: 1 }
      const [last] = revisions.parse(await call('files/list_revisions', argument)).entries
      if (last === undefined) throw new Error('nothing to restore')
      await call('files/restore', { path: last.path_lower, rev: last.rev })
    },
    remove,
  }
}

const users = { 'google-drive': googleUser, onedrive: microsoftUser, dropbox: dropboxUser }

export const driveUser = (provider: keyof typeof users, account: DriveAccount): DriveUser =>
  users[provider](account)

/** No cursor that the drive has given out is good any more. */
export async function expireCursors({ origin }: Pick<DriveAccount, 'origin'>): Promise<void> {
  const answer = await fetch(`${origin}/_sim/cursors`, { method: 'DELETE' })
  if (!answer.ok) throw new Error(`cursors: ${String(answer.status)}`)
}
