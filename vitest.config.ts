import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const report = process.env['VITEST_REPORT']

// Tests start the stack and its servers many times: compiled code is kept for all of them. https://nodejs.org/api/module.html#module-compile-cache
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/node')

const project = (name: string, include: string[]) => ({ extends: true as const, test: { name, include } })

export default defineConfig({
  test: {
    projects: [
      // What each holds, and which to run: CONTRIBUTING.md.
      project('unit', ['test/unit/**/*.test.ts', 'test/rules/*.test.ts']),
      project('parts', ['test/parts/**/*.test.ts', 'test/conformance/*.test.ts']),
      project('stack', ['test/stack/**/*.test.ts']),
      project('simulators', ['simulators/test/**/*.test.ts']),
      project('emulators', ['emulators/test/**/*.test.ts']),
    ],
    setupFiles: ['test/support/block-network.ts'],
    passWithNoTests: false,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Files share their worker's modules: no test changes a global, and the SDKs take a second to load.
    isolate: false,
    maxWorkers: 3,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
})
