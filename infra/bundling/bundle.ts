import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Metafile, Plugin } from 'esbuild'
import { build } from 'esbuild'
import { commonjsNames } from './commonjs-names.ts'
import { directImports } from './direct-imports.ts'
import { mergeStatic, staticFiles } from './merge.ts'
import { nodeBuiltins } from './node-builtins.ts'

/** The file that Lambda loads, and the handler setting that names it. */
export const entryFile = 'index.mjs'
export const handlerSetting = 'index.handler'

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

/** CommonJS packages inside an ES module bundle ask for `require`; it is made without an import, which would load more than it needs. */
const banner =
  "const require=process.getBuiltinModule('module').createRequire(import.meta.url);" +
  "const __filename=process.getBuiltinModule('url').fileURLToPath(import.meta.url);" +
  "const __dirname=process.getBuiltinModule('path').dirname(__filename);"
const usesBanner = /\brequire\b|__dirname|__filename/

/**
 * No module of ours does anything by being imported, so one that a function does not use is left out with all that it imports.
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

/**
 * Bundles one function into `directory`, which is emptied first. The same sources give the same bytes, so an unchanged
 * function keeps its asset hash and is not deployed again.
 */
export async function bundleFunction(source: string, directory: string): Promise<Bundle> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const { metafile, outputFiles } = await build({
    entryPoints: [{ in: source, out: 'index' }],
    outdir: directory,
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
    absWorkingDir: process.cwd(),
    logLevel: 'warning',
  })
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]))
  const files = await mergeStatic({ texts, metafile, entry: entryFile })
  const sizes = new Map<string, number>()
  for (const [name, text] of files) {
    const content = Buffer.from(usesBanner.test(text) ? `${banner}\n${text}` : text)
    await writeFile(join(directory, name), content)
    sizes.set(name, content.length)
  }
  return describe(metafile, directory, sizes)
}

function describe(metafile: Metafile, directory: string, sizes: ReadonlyMap<string, number>): Bundle {
  const atStart = staticFiles(metafile, entryFile)
  const outputs = Object.entries(metafile.outputs)
  const inputsOf = (chosen: typeof outputs) => [
    ...new Set(chosen.flatMap(([, { inputs }]) => Object.keys(inputs))),
  ]
  const staticBytes = sizes.get(entryFile) ?? 0
  return {
    directory,
    staticBytes,
    lazyBytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0) - staticBytes,
    staticInputs: inputsOf(outputs.filter(([path]) => atStart.has(basename(path)))),
    inputs: inputsOf(outputs),
  }
}

/** Bundles each of `names` from `functions/` into its own folder under `outdir`; at most a few at a time. */
export async function bundleFunctions(
  names: readonly string[],
  outdir: string,
): Promise<ReadonlyMap<string, Bundle>> {
  const bundles = new Map<string, Bundle>()
  const waiting = [...names]
  const worker = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      bundles.set(name, await bundleFunction(`functions/${name}.ts`, join(outdir, name)))
    }
  }
  await Promise.all(Array.from({ length: 3 }, worker))
  return bundles
}
