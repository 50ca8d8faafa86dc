import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Plugin } from 'esbuild'
import { build } from 'esbuild'
import { entryFile } from '../functions.ts'
import { commonjsNames } from './commonjs-names.ts'
import { directImports } from './direct-imports.ts'
import { mergeStatic, partsOf } from './merge.ts'
import type { Split } from './merge.ts'
import { nodeBuiltins } from './node-builtins.ts'

export interface Bundle {
  readonly directory: string
  /** Bytes that are loaded before the first request: the entry and everything that it imports statically. */
  readonly staticBytes: number
  /** Bytes in chunks that load on first use. */
  readonly lazyBytes: number
  /** The source files behind the statically loaded bytes, relative to the project. */
  readonly staticInputs: readonly string[]
  /** Every source file in the bundle. */
  readonly inputs: readonly string[]
}

/**
 * CommonJS packages inside an ES module bundle ask for `require`; it
 * is made without an import, which would load more than it needs.
 */
const banner =
  "const require=process.getBuiltinModule('module').createRequire(import.meta.url);" +
  "const __filename=process.getBuiltinModule('url').fileURLToPath(import.meta.url);" +
  "const __dirname=process.getBuiltinModule('path').dirname(__filename);"
const usesBanner = /\brequire\b|__dirname|__filename/

/**
 * No module of ours does anything by being imported, so one that a
 * function does not use is left out with all that it imports.
 */
const withoutSideEffects: Plugin = {
  name: 'without-side-effects',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path),
      sideEffects: false,
    }))
  },
}

/** The sources by the names of their bundles. */
type Sources = Readonly<Record<string, string>>

/** All functions in one run, so that each source is read once; what they share lies in chunks. */
async function split(sources: Sources): Promise<Split> {
  const { metafile, outputFiles } = await build({
    entryPoints: Object.entries(sources).map(([out, source]) => ({ in: source, out })),
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // The AWS SDK's ES modules are a third smaller than its CommonJS ones.
    mainFields: ['module', 'main'],
    minify: true,
    treeShaking: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    plugins: [nodeBuiltins, withoutSideEffects, commonjsNames, directImports],
    logLevel: 'warning',
  })
  return {
    texts: new Map(outputFiles.map(({ path, text }) => [basename(path), text])),
    outputs: new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output])),
  }
}

async function writeBundle(parts: Split, name: string, directory: string): Promise<Bundle> {
  const entry = `${name}.mjs`
  const files = await mergeStatic(parts, entry, entryFile)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const sizes = new Map<string, number>()
  for (const [file, text] of files) {
    const content = Buffer.from(usesBanner.test(text) ? `${banner}\n${text}` : text)
    await writeFile(join(directory, file), content)
    sizes.set(file, content.length)
  }
  const { atStart, later } = partsOf(parts, entry)
  const inputsOf = (names: Iterable<string>) => [
    ...new Set([...names].flatMap((file) => Object.keys(parts.outputs.get(file)?.inputs ?? {}))),
  ]
  const staticBytes = sizes.get(entryFile) ?? 0
  return {
    directory,
    staticBytes,
    lazyBytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0) - staticBytes,
    staticInputs: inputsOf(atStart),
    inputs: inputsOf([...atStart, ...later]),
  }
}

/**
 * Bundles each of `sources` into a folder of its own under `outdir`, which is emptied first. The same
 * sources give the same bytes, so an unchanged function keeps its asset hash and is not deployed again.
 */
export async function bundle(sources: Sources, outdir: string): Promise<ReadonlyMap<string, Bundle>> {
  const parts = await split(sources)
  const written = Object.keys(sources).map(async (name): Promise<[string, Bundle]> => [
    name,
    await writeBundle(parts, name, join(outdir, name)),
  ])
  return new Map(await Promise.all(written))
}

/** Bundles the functions of these names. */
export function bundleFunctions(
  names: readonly string[],
  outdir: string,
): Promise<ReadonlyMap<string, Bundle>> {
  return bundle(Object.fromEntries(names.map((name) => [name, `functions/${name}.ts`])), outdir)
}
