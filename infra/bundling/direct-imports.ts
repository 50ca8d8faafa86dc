import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Plugin, PluginBuild } from 'esbuild'

/**
 * esbuild splits code by files: whoever imports one name from an index file gets every file behind it that
 * any other chunk uses. The AWS SDK is all index files, so a function would load S3's XML code at the start
 * because a lazy chunk needs it. Here each named import goes straight to the file that declares it.
 */

interface ModuleExports {
  readonly local: ReadonlySet<string>
  /** Exported name to where it comes from and what it is called there. */
  readonly named: ReadonlyMap<string, { readonly from: string; readonly name: string }>
  readonly stars: readonly string[]
}

interface Place {
  readonly file: string
  readonly name: string
}

/** `a as b, c` as pairs of the name over there and the name over here. */
function bindings(list: string): [there: string, here: string][] {
  return list
    .split(',')
    .map((part) => part.trim().split(/\s+as\s+/))
    .filter(([there]) => there !== undefined && there !== '')
    .map(([there = '', here = there]) => [there, here])
}

const named = /^export \{([^}]*)\} from ["']([^"']+)["'];?$/gm
const star = /^export \* from ["']([^"']+)["'];?$/gm
const declared = /^export (?:async )?(?:const|let|var|class|function\*?) ([A-Za-z_$][\w$]*)/gm
const listed = /^export \{([^}]*)\};?$/gm
const imports = /^import \{([^}]*)\} from ["']([^"']+)["'];?$/gm

function exportsOf(source: string): ModuleExports {
  const places = new Map<string, { from: string; name: string }>()
  for (const [, list = '', from = ''] of source.matchAll(named)) {
    for (const [there, here] of bindings(list)) places.set(here, { from, name: there })
  }
  const local = new Set([...source.matchAll(declared)].map(([, name = '']) => name))
  for (const [, list = ''] of source.matchAll(listed)) for (const [, here] of bindings(list)) local.add(here)
  return { local, named: places, stars: [...source.matchAll(star)].map(([, from = '']) => from) }
}

const sdkFile = /\/node_modules\/(?:@aws-sdk|@smithy)\/.*\/dist-es\/.*\.js$/
const sdkName = /^(?:@aws-sdk|@smithy)\//

/**
 * What the SDK keeps DynamoDB's endpoints in, which it asks for only when endpoint discovery
 * is switched on, never here: a map does, and spares 7 KB of every function's start.
 */
const smallCache = `export default class extends Map {
  constructor(capacity) { super(); this.capacity = capacity }
  peek(key) { return this.get(key) }
  set(key, value) {
    if (this.size >= this.capacity && !this.has(key)) this.delete(this.keys().next().value)
    return super.set(key, value)
  }
}`

/** What is read and rewritten once serves every bundle of the process. */
const parsed = new Map<string, Promise<ModuleExports>>()
const rewritten = new Map<string, Promise<string>>()

function remembered<Value>(
  memory: Map<string, Promise<Value>>,
  key: string,
  make: () => Promise<Value>,
): Promise<Value> {
  const known = memory.get(key)
  if (known !== undefined) return known
  const made = make()
  memory.set(key, made)
  return made
}

async function fileOf(build: PluginBuild, from: string, importer: string): Promise<string | undefined> {
  if (from.startsWith('.')) {
    const path = resolve(dirname(importer), from)
    return [path, `${path}.js`, `${path}/index.js`].find(
      (candidate) => candidate.endsWith('.js') && existsSync(candidate),
    )
  }
  if (!sdkName.test(from)) return undefined
  const found = await build.resolve(from, {
    kind: 'import-statement',
    importer,
    resolveDir: dirname(importer),
  })
  return found.errors.length === 0 && sdkFile.test(found.path) ? found.path : undefined
}

/** Where `name`, as exported by `file`, is declared; undefined when that cannot be read off the text. */
async function declarationOf(build: PluginBuild, file: string, name: string): Promise<Place | undefined> {
  const module = await remembered(parsed, file, async () => exportsOf(await readFile(file, 'utf8')))
  if (module.local.has(name)) return { file, name }
  const source = module.named.get(name)
  if (source !== undefined) {
    const next = await fileOf(build, source.from, file)
    return next === undefined ? { file, name } : await declarationOf(build, next, source.name)
  }
  for (const from of module.stars) {
    const next = await fileOf(build, from, file)
    const found = next === undefined ? undefined : await declarationOf(build, next, name)
    if (found !== undefined) return found
  }
  return undefined
}

async function rewrite(build: PluginBuild, path: string): Promise<string> {
  const source = await readFile(path, 'utf8')
  let text = ''
  let end = 0
  for (const match of source.matchAll(imports)) {
    const [statement, list = '', from = ''] = match
    const index = await fileOf(build, from, path)
    if (index === undefined) continue
    const direct = await Promise.all(
      bindings(list).map(async ([there, here]) => {
        const place = (await declarationOf(build, index, there)) ?? { file: from, name: there }
        return `import { ${place.name} as ${here} } from ${JSON.stringify(place.file)};`
      }),
    )
    text += source.slice(end, match.index) + direct.join('')
    end = match.index + statement.length
  }
  return text + source.slice(end)
}

/**
 * Named imports of the AWS SDK, from our own files and within the
 * SDK itself, without the index files between.
 */
export const directImports: Plugin = {
  name: 'direct-imports',
  setup(build) {
    build.onLoad(
      { filter: /\/node_modules\/(?:@aws-sdk|@smithy)\/.*\/dist-es\/.*\.js$/ },
      async ({ path }) => ({
        contents: await remembered(rewritten, path, () => rewrite(build, path)),
        loader: 'js',
      }),
    )
    // A client imports its whole package.json for its version alone.
    build.onLoad({ filter: /\/node_modules\/@aws-sdk\/[^/]+\/package\.json$/ }, async ({ path }) => {
      const version = /"version":\s*"([^"]+)"/.exec(await readFile(path, 'utf8'))?.[1]
      return version === undefined ? undefined : { contents: JSON.stringify({ version }), loader: 'json' }
    })
    build.onLoad({ filter: /\/node_modules\/mnemonist\/lru-cache\.js$/ }, () => ({
      contents: smallCache,
      loader: 'js',
    }))
    build.onLoad({ filter: /\/lib\/[^.]*\.ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined
      return { contents: await rewrite(build, path), loader: 'ts' }
    })
  },
}
