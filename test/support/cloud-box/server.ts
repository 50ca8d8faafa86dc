import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

interface User {
  readonly accountId: string
  readonly email: string
  password: string
}

/** A user's own Cloud Box: three routes behind a user name and an app password. */
export async function startCloudBox() {
  const users = new Map<string, User>()
  const requests: string[] = []
  let down = false
  const server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`)
    const answer = (status: number, body?: unknown): void =>
      void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
    if (down) return answer(503)
    const basic = Buffer.from((req.headers.authorization ?? '').slice('Basic '.length), 'base64').toString()
    const colon = basic.indexOf(':')
    const user = users.get(basic.slice(0, colon))
    if (user === undefined || user.password !== basic.slice(colon + 1)) return answer(401)
    switch (`${req.method} ${req.url}`) {
      case 'GET /me':
        return answer(200, { accountId: user.accountId, email: user.email })
      case 'GET /quota':
        return answer(200, { used: 5, limit: 100 })
      case 'DELETE /password':
        user.password = ''
        return answer(204)
      default:
        return answer(404)
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    user(name: string, password: string): User {
      const user = { accountId: `id-of-${name}`, email: `${name}@example.com`, password }
      users.set(name, user)
      return user
    },
    goDown(isDown: boolean): void {
      down = isDown
    },
    close(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}
