import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compile } from '../packages/compile.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Builds the client: ES modules, the same as CommonJS in `cjs` for who requires them, and types of both. */
export function buildClient(dist: string): void {
  const cjs = join(dist, 'cjs')
  const sources = {
    extends: here('tsconfig.json'),
    files: ['browser', 'node'].map((name) => here(`src/${name}.ts`)),
    rootDir: here('src'),
  }
  const commonjs = { module: 'commonjs', moduleResolution: 'bundler', verbatimModuleSyntax: false }
  rmSync(dist, { recursive: true, force: true })
  compile({ ...sources, outDir: dist })
  compile({ ...sources, outDir: cjs, options: commonjs })
  writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs" }\n')
}

// `npm run client:build`
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) buildClient(here('dist'))
