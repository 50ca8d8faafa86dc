import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
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
