import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const report = process.env['VITEST_REPORT']

// Tests start the stack and its servers many times: compiled code is kept for all of them. https://nodejs.org/api/module.html#module-compile-cache
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/node')

/** Which tests each project runs; what a test has to be for which of them: CONTRIBUTING.md. */
export const projects = {
  unit: ['test/unit/**/*.test.ts', 'test/rules/*.test.ts'],
  parts: ['test/parts/**/*.test.ts'],
  stack: ['test/stack/**/*.test.ts'],
  conformance: ['conformance/test/**/*.test.ts'],
  simulators: ['simulators/test/**/*.test.ts'],
  emulators: ['emulators/test/**/*.test.ts'],
}

export default defineConfig({
  test: {
    projects: Object.entries(projects).map(([name, include]) => ({ extends: true, test: { name, include } })),
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
