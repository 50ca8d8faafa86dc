import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Builds web/dist when a source is newer than it; `--always` builds in any case. The local stack runs this as a process of its own,
 * which ends with it, and politely: whoever uses the machine goes first.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'web/dist')
const sources = [
  'web/index.html',
  'web/vite.config.ts',
  'web/public',
  'web/src',
  'client/src',
  'lib/providers',
  'lib/contract/reasons.ts',
  'package-lock.json',
]

/** The newest change in a file or folder, folders included: they change when a file goes. */
function newest(path: string): number {
  const { mtimeMs } = statSync(path)
  if (!statSync(path).isDirectory()) return mtimeMs
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function isFresh(): boolean {
  const page = join(dist, 'index.html')
  if (!existsSync(page)) return false
  const built = statSync(page).mtimeMs
  return sources.every((source) => newest(join(root, source)) <= built)
}

/** What builds that were killed have left. */
function sweep(folder: string): void {
  const longAgo = Date.now() - 60_000
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const path = join(folder, name)
    if (statSync(path).mtimeMs < longAgo) rmSync(path, { recursive: true, force: true })
  }
}

/** Beside the folder in use first, then in its place, so that nobody meets half of it. */
async function buildAll(): Promise<void> {
  const scratch = join(root, 'node_modules/.cache/driveway-console')
  const own = join(scratch, String(process.pid))
  const next = join(own, 'next')
  sweep(scratch)
  mkdirSync(own, { recursive: true })
  try {
    const { build } = await import('vite')
    await build({
      configFile: join(root, 'web/vite.config.ts'),
      logLevel: 'warn',
      build: { outDir: next, emptyOutDir: true },
    })
    if (existsSync(dist)) renameSync(dist, join(own, 'previous'))
    renameSync(next, dist)
  } catch (error) {
    // Another build of the same sources was faster; its result is as good.
    if (!isFresh()) throw error
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

process.once('disconnect', () => process.exit())
setPriority(constants.priority.PRIORITY_LOW)
if (process.argv.includes('--always') || !isFresh()) await buildAll()
if (process.connected) process.disconnect()
