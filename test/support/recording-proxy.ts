import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request as send } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Canaries } from './canaries.ts'

/** A proxy in front of a provider's simulator that plants every secret it sees, in either direction. */
export interface RecordingProxy {
  readonly origin: string
  /**
   * The next `times` requests whose path matches are refused with
   * all that they sent in the error's text, as careless servers do.
   */
  echo(path: string, status: number, times: number, error?: string): void
  clearEchoes(): void
  close(): Promise<void>
}

const mostRecorded = 256 * 1024
const formSecrets = {
  code: 'authorization code',
  code_verifier: 'PKCE verifier',
  client_secret: 'client secret',
  refresh_token: 'refresh token',
  token: 'refresh token',
} as const
const answerSecrets = {
  access_token: 'access token',
  refresh_token: 'refresh token',
  id_token: 'id token',
  session_id: 'session URL',
} as const

export async function startRecordingProxy(target: string, canaries: Canaries): Promise<RecordingProxy> {
  const agent = new Agent({ keepAlive: true })
  let echoes: { path: RegExp; status: number; times: number; error: string }[] = []

  const record = async (req: IncomingMessage, path: string): Promise<string> => {
    canaries.plant('access token', req.headers.authorization?.replace(/^Bearer /i, ''))
    plantUrl(canaries, path)
    if (!(req.headers['content-type'] ?? '').includes('form-urlencoded')) return ''
    const body = await readUpTo(req)
    const form = new URLSearchParams(body)
    for (const [name, kind] of Object.entries(formSecrets)) canaries.plant(kind, form.get(name))
    return body
  }

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = req.url ?? '/'
    const recorded = record(req, path)
    const echo = echoes.find(({ path: pattern, times }) => times > 0 && pattern.test(path))
    if (echo !== undefined) {
      echo.times -= 1
      const body = await recorded
      req.resume()
      if (!req.complete) await once(req, 'end')
      const text = `You sent ${path} with ${String(req.headers.authorization)} and ${body}`
      const details = { message: text, code: text, reason: text, innererror: { code: text, message: text } }
      const oauth = /token|revoke/.test(path)
      const error = oauth
        ? echo.error
        : { ...details, status: text, errors: [{ ...details, location: text }] }
      res.writeHead(echo.status, {
        'content-type': 'application/json',
        'www-authenticate': `Bearer realm="${path}"`,
      })
      res.end(
        JSON.stringify({
          error,
          error_summary: text,
          error_description: text,
          error_uri: text,
          error_subtype: text,
          suberror: text,
        }),
      )
      return
    }
    const onward = send(new URL(path, target), { method: req.method, headers: req.headers, agent })
    req.pipe(onward)
    req.once('close', () => {
      if (!req.complete) onward.destroy()
    })
    const [answer] = (await once(onward, 'response')) as [IncomingMessage]
    req.unpipe(onward)
    req.resume()
    const location = answer.headers.location
    if (location !== undefined) {
      canaries.plant('authorization code', new URL(location, target).searchParams.get('code'))
      plantUrl(canaries, location)
    }
    const isJson = (answer.headers['content-type'] ?? '').includes('json')
    const body = isJson ? readUpTo(answer) : Promise.resolve('')
    body.then((text) => plantAnswer(canaries, text)).catch(() => undefined)
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    await pipeline(answer, res)
  }

  const server = createServer((req, res) => {
    handle(req, res).catch(() => req.socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    echo: (path, status, times, error = 'invalid_request') =>
      void echoes.push({ path: new RegExp(path), status, times, error }),
    clearEchoes() {
      echoes = []
    },
    async close() {
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Reads along what goes through, up to what errors and tokens need. */
async function readUpTo(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= mostRecorded) chunks.push(chunk)
  })
  await Promise.race([once(stream, 'end'), once(stream, 'close')])
  return Buffer.concat(chunks).toString('utf8')
}

function plantAnswer(canaries: Canaries, text: string): void {
  if (text === '') return
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      if (typeof inner !== 'string') walk(inner)
      else if (name === 'uploadUrl' || name === '@microsoft.graph.downloadUrl' || name === 'link')
        plantUrl(canaries, inner)
      else {
        const kind = Object.entries(answerSecrets).find(([field]) => field === name)?.[1]
        if (kind !== undefined) canaries.plant(kind, inner)
      }
    }
  }
  walk(JSON.parse(text))
}

/** The URL of a session or a download is secret for the credential in its query, or in its path. */
function plantUrl(canaries: Canaries, url: string): void {
  const { pathname, searchParams } = new URL(url, 'http://provider')
  const uploads = pathname.endsWith('/uploadSession')
  canaries.plant('session URL', searchParams.get('upload_id'))
  if (pathname.startsWith('/cd/')) canaries.plant('download URL', pathname.split('/').at(-2))
  canaries.plant(uploads ? 'session URL' : 'download URL', searchParams.get('tempauth'))
}
