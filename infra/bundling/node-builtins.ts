import { builtinModules, createRequire } from 'node:module'
import type { Plugin } from 'esbuild'

const require = createRequire(import.meta.url)
const namespace = 'node-builtin'
const pattern = new RegExp(
  `^(?:node:.+|${builtinModules.map((name) => name.replaceAll('/', '\\/')).join('|')})$`,
)

/**
 * Names that can be exported as they are; the rest (`default`
 * aside) stay reachable through the default export.
 */
const identifier = /^[A-Za-z_$][\w$]*$/
const reserved = new Set([
  'default',
  'import',
  'export',
  'delete',
  'new',
  'in',
  'class',
  'function',
  'return',
  'void',
])

function exportNames(name: string): readonly string[] {
  const loaded: unknown = require(name)
  if (loaded === null || (typeof loaded !== 'object' && typeof loaded !== 'function')) return []
  return Object.keys(loaded).filter((key) => identifier.test(key) && !reserved.has(key))
}

function bareName(path: string): string {
  return path.startsWith('node:') ? path.slice('node:'.length) : path
}

/**
 * Turns static imports of Node's own modules into `process.getBuiltinModule(name)`. An ES module import of
 * `node:http` evaluates every lazy getter of it and so loads undici: 33 ms where a require costs 3. Only the
 * names that a bundle uses are read, each a pure declaration that esbuild can drop.
 * https://github.com/nodejs/node/issues/59686
 */
export const nodeBuiltins: Plugin = {
  name: 'node-builtins',
  setup(build) {
    build.onResolve({ filter: pattern }, ({ path, kind }) => {
      if (kind !== 'import-statement') return { path, external: true }
      return { path, namespace, sideEffects: false }
    })
    build.onLoad({ filter: /.*/, namespace }, ({ path }) => {
      const id = builtinModules.includes(bareName(path)) ? bareName(path) : path
      const lines = [
        `const loaded = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(id)})`,
        'export default loaded',
        ...exportNames(id).map((name) => `export const ${name} = /* @__PURE__ */ (() => loaded.${name})()`),
      ]
      return { contents: lines.join('\n'), loader: 'js' }
    })
  },
}
