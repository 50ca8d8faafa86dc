import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import type { Bundle } from '../infra/bundling/bundle.ts'

/**
 * Writes what is in the bundles, each file once, and `functions.json`, which says where it belongs: bundles
 * have most of their files in common. `infra/packed.ts` puts them together again.
 */
export function carryFunctions(bundles: ReadonlyMap<string, Bundle>, dist: string): void {
  mkdirSync(join(dist, 'files'))
  const functions = [...bundles].map(([name, { directory }]) => {
    const files = readdirSync(directory).map((file): [string, string] => {
      const content = readFileSync(join(directory, file))
      const kept = `${createHash('sha256').update(content).digest('hex').slice(0, 16)}.mjs`
      writeFileSync(join(dist, 'files', kept), content)
      return [file, kept]
    })
    return [name, Object.fromEntries(files)] as const
  })
  writeFileSync(join(dist, 'functions.json'), JSON.stringify(Object.fromEntries(functions)))
}

/** Builds the console there, with the licences of what is in it. */
export async function carryConsole(outDir: string): Promise<void> {
  await build({
    configFile: join(import.meta.dirname, '../web/vite.config.ts'),
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true, license: { fileName: 'licences.md' } },
  })
}
