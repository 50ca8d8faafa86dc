import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bundle } from '../../../../infra/bundling/bundle.ts'
import { bundleFunctions } from '../../../../infra/bundling/bundle.ts'
import { functionNames } from '../../../../infra/functions.ts'

const root = 'dist/tested-bundles'

/** What the bundles are made of: when none of it changed, the bundles that lie there are the same. */
function sourcesHash(): string {
  const files = globSync([
    'functions/**/*.ts',
    'lib/**/*.ts',
    'infra/bundling/*.ts',
    'package-lock.json',
  ]).sort()
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

const staleMs = 10 * 60_000

/** Bundles of earlier sources, and the lock of a run that was killed. */
function removeStale(): void {
  for (const name of readdirSync(root)) {
    const path = join(root, name)
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
    if (!path.endsWith(sourcesHash()) && Date.now() - mtimeMs > staleMs)
      rmSync(path, { recursive: true, force: true })
  }
}

/** The functions' bundles, made once for all test files that ask, whichever comes first. */
export async function testedBundles(): Promise<ReadonlyMap<string, Bundle>> {
  const folder = join(root, sourcesHash())
  const manifest = join(folder, 'bundles.json')
  mkdirSync(root, { recursive: true })
  removeStale()
  const lock = `${folder}.lock`
  const patience = AbortSignal.timeout(120_000)
  while (!existsSync(manifest)) {
    try {
      mkdirSync(lock)
    } catch {
      // Another test file is at it.
      await pause(50, undefined, { signal: patience })
      continue
    }
    try {
      rmSync(folder, { recursive: true, force: true })
      const bundles = await bundleFunctions(functionNames, folder)
      writeFileSync(`${manifest}.new`, JSON.stringify([...bundles]))
      renameSync(`${manifest}.new`, manifest)
    } finally {
      rmSync(lock, { recursive: true, force: true })
    }
  }
  const made: [string, Bundle][] = JSON.parse(readFileSync(manifest, 'utf8'))
  return new Map(made.map(([name, bundle]) => [name, { ...bundle, directory: resolve(bundle.directory) }]))
}
