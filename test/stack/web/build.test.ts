import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, it } from 'vitest'
import { consoleOf } from '../../../local/console.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const dist = join(root, 'web/dist')

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'web/build.ts')], { stdio: 'inherit' })
})

const files = () =>
  readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

it('loads under 200 KB of script, compressed', () => {
  const scripts = files().filter((path) => path.endsWith('.js'))
  const bytes = scripts.reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0)
  expect(bytes).toBeGreaterThan(20_000)
  expect(bytes).toBeLessThan(200_000)
})

it('has nothing inline in its page, and nothing from elsewhere', () => {
  const page = readFileSync(join(dist, 'index.html'), 'utf8')
  expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:|data:/i)
  const loaded = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url)
  expect(loaded.length).toBeGreaterThan(2)
  for (const url of loaded) expect(url).toMatch(/^\/[^/]/)
  const styles = files().filter((path) => path.endsWith('.css'))
  for (const path of styles) expect(readFileSync(path, 'utf8')).not.toMatch(/url\(["']?(data:|https?:|\/\/)/)
})

it('is served with a policy that allows its own files only, its page for every screen, and nothing else', async () => {
  const site = consoleOf({ built: Promise.resolve(), settings: {}, connectTo: ['http://127.0.0.1:9'] })
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://127.0.0.1')
    void site.answer(req, res, url).then((answered) => answered || res.writeHead(404).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml' } }
  try {
    const page = await fetch(`${base}/drives`, asBrowser)
    const text = await page.text()
    expect(text).toBe(readFileSync(join(dist, 'index.html'), 'utf8'))
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toMatch(/unsafe|\*|data:/)
    const script = /src="([^"]+)"/.exec(text)?.[1] ?? ''
    const first = await fetch(base + script)
    expect(first.headers.get('cache-control')).toContain('immutable')
    expect(first.headers.get('content-type')).toContain('javascript')
    const etag = first.headers.get('etag') ?? ''
    expect((await fetch(base + script, { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await fetch(`${base}/drives`)).status).toBe(404)
    expect((await fetch(`${base}/%2e%2e/package.json`)).status).toBe(404)
    expect((await fetch(`${base}/local/nothing`, asBrowser)).status).toBe(404)
  } finally {
    server.close()
  }
})
