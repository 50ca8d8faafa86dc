import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Plugin } from 'esbuild'

const require = createRequire(import.meta.url)
const namespace = 'commonjs-names'
const identifier = /^[A-Za-z_$][\w$]*$/
/** The AWS SDK is asked for thousands of times and has modules of its own. */
const notTheSdk = /^(?:[a-z]|@azure\/)/
const moduleSyntax = /^(?:import|export)\s/m

/**
 * Gives `await import()` of a CommonJS package the named exports that Node
 * gives it. esbuild, when it splits code, exports such a module's default
 * only, so that a bundle would find nothing where the sources find everything.
 * https://github.com/evanw/esbuild/issues/1591
 */
export const commonjsNames: Plugin = {
  name: 'commonjs-names',
  setup(build) {
    build.onResolve({ filter: notTheSdk }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === namespace) return undefined
      const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: namespace })
      if (found.external || found.errors.length > 0 || !found.path.endsWith('.js')) return undefined
      if (moduleSyntax.test(await readFile(found.path, 'utf8'))) return undefined
      return { path: found.path, namespace }
    })
    build.onLoad({ filter: /.*/, namespace }, ({ path }) => {
      const loaded: unknown = require(path)
      const names = typeof loaded === 'object' && loaded !== null ? Object.keys(loaded) : []
      const exported = names.filter((name) => identifier.test(name) && name !== 'default')
      return {
        contents: [
          `import * as module from ${JSON.stringify(path)}`,
          ...exported.map((name) => `const $${name} = module.${name}; export { $${name} as ${name} }`),
          'export default module.default',
        ].join('\n'),
        loader: 'js',
        resolveDir: '/',
      }
    })
  },
}
