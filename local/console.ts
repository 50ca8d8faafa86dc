import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sendJson } from './http.ts'

const folder = fileURLToPath(new URL('../web/dist', import.meta.url))

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

interface File {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
  /** Its name carries a hash of its content: it never changes. */
  readonly immutable: boolean
}

export interface ConsoleOptions {
  /** Resolves when `web/dist` is up to date; rejects when it could not be built. */
  readonly built: Promise<void>
  /** What the console has to know of this deployment: its `/settings.json`. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Origins beside its own that the console talks to. */
  readonly connectTo: readonly string[]
}

export interface Console {
  /** Answers false when the path is none of the console's. */
  answer(req: IncomingMessage, res: ServerResponse, url: URL): Promise<boolean>
}

/**
 * Serves the built web console as CloudFront does in a deployment:
 * static files, a strict policy, and its page for every other path.
 */
export function consoleOf({ built, settings, connectTo }: ConsoleOptions): Console {
  const files = built.then(readFiles)
  // Whoever asks for the console is told; the API works without it.
  files.catch(() => undefined)
  const headers = securityHeaders(connectTo)

  return {
    async answer(req, res, { pathname }) {
      if (req.method !== 'GET' && req.method !== 'HEAD') return false
      if (pathname === '/settings.json') {
        sendJson(res, 200, settings)
        return true
      }
      const isPage = req.headers.accept?.includes('text/html') === true && !pathname.startsWith('/local/')
      let file: File | undefined
      try {
        file = (await files).get(pathname) ?? (isPage ? (await files).get('/') : undefined)
      } catch (error) {
        if (!isPage) return false
        res.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' })
        res.end(`The console could not be built: ${error instanceof Error ? error.message : 'unknown'}\n`)
        return true
      }
      if (file === undefined) return false
      send(req, res, file, headers)
      return true
    },
  }
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  { body, type, etag, immutable }: File,
  headers: Readonly<Record<string, string>>,
): void {
  const cacheControl = immutable ? 'public, max-age=31536000, immutable' : 'no-cache'
  if (req.headers['if-none-match'] === etag) {
    res.writeHead(304, { etag, 'cache-control': cacheControl })
    res.end()
    return
  }
  res.writeHead(200, {
    ...headers,
    'content-type': type,
    'content-length': body.length,
    'cache-control': cacheControl,
    etag,
  })
  res.end(req.method === 'HEAD' ? undefined : body)
}

/** All of them: they are few and small, and a build beside a running stack does not disturb it. */
function readFiles(): ReadonlyMap<string, File> {
  const files = new Map<string, File>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const body = readFileSync(path)
    const name = `/${relative(folder, path).replaceAll('\\', '/')}`
    files.set(name === '/index.html' ? '/' : name, {
      body,
      type: mediaTypes[extname(path)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      immutable: name.startsWith('/assets/'),
    })
  }
  return files
}

function securityHeaders(connectTo: readonly string[]): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      `connect-src 'self' ${connectTo.join(' ')}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  }
}
