import { chmodSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildOptions } from 'esbuild'
import { build } from 'esbuild'
import { buildClient } from '../client/build.ts'
import packageJson from '../package.json' with { type: 'json' }
import { bundleFunctions } from '../infra/bundling/bundle.ts'
import { functionNames } from '../infra/functions.ts'
import { carryConsole, carryFunctions } from './carry.ts'
import { compile } from './compile.ts'
import { copyLicences } from './licences.ts'
import type { Published } from './scope.ts'

/** How a package is made of the sources. */
export interface Recipe {
  /** What its manifest says beside the name, the version, the licence and what its workspace says. */
  readonly manifest: Readonly<Record<string, unknown>>
  /** Writes everything but the manifest and the pages into the folder. */
  make(folder: string): Promise<void> | void
}

const { dependencies } = packageJson
const root = join(import.meta.dirname, '..')
const project = join(root, 'tsconfig.json')

/** An entry of `exports`: the program, and its declarations beside it. */
const entry = (file: string) => ({ types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` })

/** One file of all that is imported, for Node. */
const oneFile = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  metafile: true,
  // Names stay as they are, so that a stack trace in a report says something.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions

/** Nothing but Node is loaded with it, so that it starts quickly; what few commands need comes later. */
const cli: Recipe = {
  manifest: { bin: { driveway: 'dist/driveway.js' }, files: ['dist', 'licences'], dependencies: undefined },
  async make(folder) {
    const { metafile } = await build({
      ...oneFile,
      entryPoints: [{ in: join(root, 'cli/main.ts'), out: 'driveway' }],
      outdir: join(folder, 'dist'),
      chunkNames: 'later-[hash]',
      splitting: true,
      format: 'esm',
    })
    const outfile = join(folder, 'dist/driveway.js')
    writeFileSync(outfile, `#!/usr/bin/env node\n${readFileSync(outfile, 'utf8')}`)
    copyLicences(Object.keys(metafile.inputs), folder)
    chmodSync(outfile, 0o755)
  },
}

const simulators: Recipe = {
  manifest: {
    bin: { 'driveway-simulator': 'dist/driveway-simulator.js' },
    files: ['dist'],
    exports: { '.': entry('simulate'), './package.json': './package.json' },
    // Its records are in node:sqlite. https://nodejs.org/api/sqlite.html
    engines: { node: '>=22.13' },
  },
  make(folder) {
    const rootDir = join(root, 'simulators')
    const files = ['simulate', 'driveway-simulator', 'kernel/hash-worker'].map((name) =>
      join(rootDir, `${name}.ts`),
    )
    compile({ extends: project, files, rootDir, outDir: join(folder, 'dist'), options: { target: 'es2023' } })
    chmodSync(join(folder, 'dist/driveway-simulator.js'), 0o755)
  },
}

const conformance: Recipe = {
  manifest: {
    files: ['dist'],
    exports: {
      '.': entry('conformance/suite'),
      './harness': entry('conformance/harness'),
      './instant-clock': entry('test/support/instant-clock'),
      // What a driver stands on: its interface, errors, ids, sources and bodies.
      './lib/*': entry('lib/*'),
      './package.json': './package.json',
    },
    peerDependencies: { vitest: '>=4' },
  },
  make(folder) {
    const files = ['conformance/{suite,harness}.ts', 'test/support/instant-clock.ts', 'lib/*.ts']
    compile({
      extends: project,
      files: globSync([...files, 'lib/storage/*.ts'], { cwd: root }).map((file) => join(root, file)),
      rootDir: root,
      outDir: join(folder, 'dist'),
      options: { target: 'es2023' },
    })
  },
}

const client: Recipe = {
  manifest: {},
  make(folder) {
    buildClient(join(folder, 'dist'))
  },
}

/** CommonJS, as CDK and its constructs are: an app of either kind gets the one class. */
const cdk: Recipe = {
  manifest: {
    description: 'Driveway as a CDK construct: storage for document apps in the user’s own cloud.',
    type: 'commonjs',
    files: ['dist', 'licences'],
    exports: {
      '.': { types: './dist/types/infra/packed.d.ts', default: './dist/driveway.js' },
      './package.json': './package.json',
    },
    dependencies: { zod: dependencies.zod },
    peerDependencies: { 'aws-cdk-lib': '^2.276.0', constructs: '^10.5.0' },
  },
  async make(folder) {
    const dist = join(folder, 'dist')
    const types = join(dist, 'types')
    const files = [join(root, 'infra/packed.ts')]
    compile({
      extends: project,
      files,
      rootDir: root,
      outDir: types,
      options: { emitDeclarationOnly: true },
    })
    const { metafile } = await build({
      ...oneFile,
      entryPoints: files,
      outfile: join(dist, 'driveway.js'),
      format: 'cjs',
      external: ['aws-cdk-lib', 'constructs', 'zod'],
      define: { 'import.meta.dirname': '__dirname' },
    })
    const bundles = await bundleFunctions(functionNames, join(folder, 'bundles'))
    carryFunctions(bundles, dist)
    rmSync(join(folder, 'bundles'), { recursive: true })
    await carryConsole(join(dist, 'console'))
    const inputs = [...bundles.values()].flatMap((bundle) => bundle.inputs)
    copyLicences([...Object.keys(metafile.inputs), ...inputs], folder)
  },
}

export const recipes: Readonly<Record<Published, Recipe>> = { client, cli, simulators, conformance, cdk }
