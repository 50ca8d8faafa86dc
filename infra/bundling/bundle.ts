import { mkdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Metafile } from 'esbuild'
import { build } from 'esbuild'
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

/** CommonJS packages inside an ES module bundle call `require`; import statements would load more than they need. */
const banner =
  "const require=process.getBuiltinModule('module').createRequire(import.meta.url);" +
  "const __filename=process.getBuiltinModule('url').fileURLToPath(import.meta.url);" +
  "const __dirname=process.getBuiltinModule('path').dirname(__filename);"

/**
 * Bundles one function into `directory`, which is emptied first. The same sources give the same bytes, so an unchanged
 * function keeps its asset hash and is not deployed again.
 */
export async function bundleFunction(source: string, directory: string): Promise<Bundle> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const { metafile } = await build({
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
    banner: { js: banner },
    plugins: [nodeBuiltins],
    absWorkingDir: process.cwd(),
    logLevel: 'warning',
  })
  return describe(metafile, directory)
}

function describe({ outputs }: Metafile, directory: string): Bundle {
  const entry = relative(process.cwd(), join(directory, entryFile))
  const loaded = new Set<string>()
  const queue = [entry]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (loaded.has(path)) continue
    loaded.add(path)
    for (const next of outputs[path]?.imports ?? []) {
      if (next.kind === 'import-statement' && next.external !== true) queue.push(next.path)
    }
  }
  const all = Object.entries(outputs)
  const size = (wanted: boolean) =>
    all.filter(([path]) => loaded.has(path) === wanted).reduce((sum, [, output]) => sum + output.bytes, 0)
  const inputsOf = (chosen: typeof all) => [
    ...new Set(chosen.flatMap(([, output]) => Object.keys(output.inputs))),
  ]
  return {
    directory,
    staticBytes: size(true),
    lazyBytes: size(false),
    staticInputs: inputsOf(all.filter(([path]) => loaded.has(path))),
    inputs: inputsOf(all),
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
