import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface File {
  readonly bytes: Buffer
  readonly contentType: string
  readonly sha256: string
}
interface User {
  readonly accountId: string
  readonly email: string
  password: string
  /** By their path, as it stands in URLs. */
  readonly files: Map<string, File>
}

/** A user's own Cloud Box: an account, how full it is, and its files, behind a name and an app password. */
export async function startCloudBox() {
  const users = new Map<string, User>()
  const requests: string[] = []
  let down = false
  const server = createServer((req, res) => {
    const { method = '', url = '' } = req
    requests.push(`${method} ${url}`)
    const user = userOf(users, req.headers.authorization ?? '')
    if (down) json(res, 503)
    else if (user === undefined) json(res, 401)
    else if (url.startsWith('/files/')) {
      // A source that breaks off leaves no file.
      serveFile(user, url.slice('/files/'.length), req, res).catch(() => res.destroy())
    } else serveAccount(user, `${method} ${url}`, res)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    user(name: string, password: string): User {
      const user = { accountId: `id-of-${name}`, email: `${name}@example.com`, password, files: new Map() }
      users.set(name, user)
      return user
    },
    /** The paths of a user's files. */
    filesOf: (name: string): Iterable<string> => users.get(name)?.files.keys() ?? [],
    goDown(isDown: boolean): void {
      down = isDown
    },
    close(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}

function userOf(users: ReadonlyMap<string, User>, authorization: string): User | undefined {
  const basic = Buffer.from(authorization.slice('Basic '.length), 'base64').toString()
  const colon = basic.indexOf(':')
  const user = users.get(basic.slice(0, colon))
  return user?.password === basic.slice(colon + 1) ? user : undefined
}

function json(res: ServerResponse, status: number, body: unknown = {}): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const entryOf = ({ bytes, contentType, sha256 }: File) => ({ size: bytes.length, contentType, sha256 })

function serveAccount(user: User, call: string, res: ServerResponse): void {
  const { accountId, email, files } = user
  const file = call.startsWith('GET /entries/') ? files.get(call.slice('GET /entries/'.length)) : undefined
  if (file) return json(res, 200, entryOf(file))
  switch (call) {
    case 'GET /me':
      return json(res, 200, { accountId, email })
    case 'GET /quota':
      return json(res, 200, { used: [...files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0) })
    case 'DELETE /password':
      user.password = ''
      return json(res, 200)
    default:
      return json(res, 404)
  }
}

async function serveFile(
  { files }: User,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const file = files.get(path)
  if (req.method === 'DELETE') return json(res, files.delete(path) ? 200 : 404)
  if (req.method !== 'PUT') return file ? sendFile(file, req.headers.range, res) : json(res, 404)
  const bytes = await buffer(req)
  const met = req.headers['if-match'] === undefined ? !files.has(path) : files.has(path)
  if (!met) return json(res, 412)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const stored = { bytes, contentType: req.headers['content-type'] ?? '', sha256 }
  files.set(path, stored)
  return json(res, 200, entryOf(stored))
}

function sendFile(
  { bytes, contentType, sha256 }: File,
  range: string | undefined,
  res: ServerResponse,
): void {
  const headers = { 'content-type': contentType, etag: sha256 }
  if (range === undefined) {
    res.writeHead(200, { ...headers, 'content-length': bytes.length }).end(bytes)
    return
  }
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  const { length } = bytes
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const end = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (start > end) {
    res.writeHead(416, { 'content-range': `bytes */${length}`, 'content-length': 0 }).end()
    return
  }
  const part = bytes.subarray(start, end + 1)
  const contentRange = `bytes ${start}-${end}/${length}`
  res.writeHead(206, { ...headers, 'content-range': contentRange, 'content-length': part.length }).end(part)
}
