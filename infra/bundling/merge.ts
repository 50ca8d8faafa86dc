import { basename } from 'node:path'
import type { Metafile, Plugin } from 'esbuild'
import { build } from 'esbuild'

/**
 * esbuild's splitting leaves what a function loads at the start in dozens of small files, each a module
 * to find, read and link: a third of the start. Here these files become one. A chunk that loads later
 * and wants something of them finds a stub under the old name, which hands on the very same bindings.
 */

export interface Split {
  /** Text of each output by its file name: the entries and the chunks. */
  readonly texts: ReadonlyMap<string, string>
  readonly outputs: ReadonlyMap<string, Metafile['outputs'][string]>
}

/** File names of `start` and all that it reaches over imports of the given kinds. */
function reached({ outputs }: Split, start: Iterable<string>, kinds: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>()
  const queue = [...start]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue
    found.add(name)
    for (const next of outputs.get(name)?.imports ?? []) {
      if (kinds.includes(next.kind) && next.external !== true) queue.push(basename(next.path))
    }
  }
  return found
}

/** File names of what an entry loads at the start, and of what it may load later. */
export function partsOf(
  split: Split,
  entry: string,
): { atStart: ReadonlySet<string>; later: ReadonlySet<string> } {
  const atStart = reached(split, [entry], ['import-statement'])
  const all = reached(split, [entry], ['import-statement', 'dynamic-import'])
  return { atStart, later: new Set([...all].filter((name) => !atStart.has(name))) }
}

const namedImport = /(?:import|export)\s*\{([^}]*)\}\s*from\s*"\.\/([^"]+)"/g

/**
 * The names that the chunks in `later` take from each file: esbuild
 * writes nothing but named imports between chunks.
 */
function namesTaken(
  { texts, outputs }: Split,
  later: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const taken = new Map<string, Set<string>>()
  for (const name of later) {
    // Also what is imported for its effect alone.
    for (const { path } of outputs.get(name)?.imports ?? [])
      taken.set(basename(path), taken.get(basename(path)) ?? new Set())
    for (const [, list = '', from = ''] of (texts.get(name) ?? '').matchAll(namedImport)) {
      const names = taken.get(from) ?? new Set()
      for (const one of list.split(',')) {
        const [exported = ''] = one.trim().split(/\s+as\s+/)
        if (exported !== '') names.add(exported)
      }
      taken.set(from, names)
    }
  }
  return taken
}

/**
 * One entry with what it loads at the start in one file, `as`, and
 * all that it may load later; names of files to texts.
 */
export async function mergeStatic(
  split: Split,
  entry: string,
  as: string,
): Promise<ReadonlyMap<string, string>> {
  const { texts, outputs } = split
  const { atStart, later } = partsOf(split, entry)
  const taken = namesTaken(split, later)
  const shared = [...taken].filter(([name]) => atStart.has(name))
  const alias = (chunk: number, name: string): string => `_${chunk}_${name}`
  const lines = [
    `export { ${(outputs.get(entry)?.exports ?? []).join(', ')} } from './${entry}'`,
    ...shared.map(
      ([name, names], chunk) =>
        `export { ${[...names].map((one) => `${one} as ${alias(chunk, one)}`).join(', ')} } from './${name}'`,
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
    plugins: [fromMemory(texts, atStart)],
    logLevel: 'warning',
  })
  const stubs = shared.map(([name, names], chunk): [string, string] => [
    name,
    `export{${[...names].map((one) => `${alias(chunk, one)} as ${one}`).join(',')}}from"./${as}";`,
  ])
  return new Map([
    [as, outputFiles[0]?.text ?? ''],
    ...stubs,
    ...[...later].map((name): [string, string] => [name, texts.get(name) ?? '']),
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
