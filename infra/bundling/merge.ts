import { basename } from 'node:path'
import type { Metafile, Plugin } from 'esbuild'
import { build } from 'esbuild'

/**
 * esbuild's splitting leaves what a function loads at the start in dozens of small files, each a module to find, read and link:
 * a third of the start. Here these files become one. A chunk that loads later and wants something of them finds a stub under the
 * old name, which hands on the very same bindings.
 */

export interface Split {
  /** Text of each output by its file name: the entry and the chunks. */
  readonly texts: ReadonlyMap<string, string>
  readonly metafile: Metafile
  readonly entry: string
}

/** File names of the entry and all that it imports statically. */
export function staticFiles({ outputs }: Metafile, entry: string): ReadonlySet<string> {
  const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]))
  const found = new Set<string>()
  const queue = [entry]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue
    found.add(name)
    for (const next of byName.get(name)?.imports ?? []) {
      if (next.kind === 'import-statement' && next.external !== true) queue.push(basename(next.path))
    }
  }
  return found
}

/** The outputs with the static ones merged into the entry; names of files to texts. */
export async function mergeStatic(split: Split): Promise<ReadonlyMap<string, string>> {
  const { texts, metafile, entry } = split
  const merged = staticFiles(metafile, entry)
  const outputs = Object.entries(metafile.outputs).map(([path, output]) => ({
    name: basename(path),
    ...output,
  }))
  const later = outputs.filter(({ name }) => !merged.has(name))
  const wanted = new Set(later.flatMap(({ imports }) => imports.map(({ path }) => basename(path))))
  const shared = outputs.filter(({ name }) => merged.has(name) && name !== entry && wanted.has(name))

  const exportsOfEntry = outputs.find(({ name }) => name === entry)?.exports ?? []
  const alias = (chunk: number, name: string): string => `_${chunk}_${name}`
  const lines = [
    `export { ${exportsOfEntry.join(', ')} } from './${entry}'`,
    ...shared.map(({ name, exports }, chunk) =>
      exports.length === 0
        ? `import './${name}'`
        : `export { ${exports.map((one) => `${one} as ${alias(chunk, one)}`).join(', ')} } from './${name}'`,
    ),
  ]
  const { outputFiles } = await build({
    stdin: { contents: lines.join('\n'), loader: 'js', resolveDir: '/' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    legalComments: 'none',
    plugins: [fromMemory(texts, merged)],
    logLevel: 'warning',
  })
  const stubs = shared.map(({ name, exports }, chunk): [string, string] => [
    name,
    `export{${exports.map((one) => `${alias(chunk, one)} as ${one}`).join(',')}}from"./${entry}";`,
  ])
  return new Map([
    [entry, outputFiles[0]?.text ?? ''],
    ...stubs,
    ...later.map(({ name }): [string, string] => [name, texts.get(name) ?? '']),
  ])
}

/** Resolves the merged files among themselves; whatever loads later stays where it is. */
function fromMemory(texts: ReadonlyMap<string, string>, merged: ReadonlySet<string>): Plugin {
  return {
    name: 'from-memory',
    setup(plugin) {
      plugin.onResolve({ filter: /.*/ }, ({ path }) => {
        const name = path.replace(/^\.\//, '')
        return merged.has(name) ? { path: name, namespace: 'merged' } : { path, external: true }
      })
      plugin.onLoad({ filter: /.*/, namespace: 'merged' }, ({ path }) => ({
        contents: texts.get(path) ?? '',
        loader: 'js',
        resolveDir: '/',
      }))
    },
  }
}
