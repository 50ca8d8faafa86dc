import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bundle } from '../../../infra/bundling/bundle.ts'
import { functionNames, httpFunctionNames } from '../../../infra/functions.ts'
import { testedBundles } from './support/bundles.ts'

const maxStaticBytes = 200 * 1024
const run = promisify(execFile)

let bundles: ReadonlyMap<string, Bundle>
beforeAll(async () => {
  bundles = await testedBundles()
}, 120_000)

function bundleOf(name: string): Bundle {
  const bundle = bundles.get(name)
  if (bundle === undefined) throw new Error(`${name} has no bundle`)
  return bundle
}

/** Node modules that are there after the bundle was imported as Lambda does it. */
async function loadedModules(directory: string): Promise<{ handler: string; modules: string[] }> {
  const script = `
    for (const name of ['net', 'http', 'os', 'util', 'worker_threads']) process.getBuiltinModule(name)
    globalThis.awslambda = { streamifyResponse: (handler) => handler, HttpResponseStream: {} }
    const { handler } = await import(${JSON.stringify(`${directory}/index.mjs`)})
    console.log(JSON.stringify({ handler: typeof handler, modules: process.moduleLoadList }))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    env: { AWS_REGION: 'eu-central-1', AWS_LAMBDA_FUNCTION_NAME: 'test' },
    maxBuffer: 16 * 1024 * 1024,
  })
  return JSON.parse(stdout)
}

describe.each([...new Set(httpFunctionNames), 'authorize-request'])('%s', (name) => {
  test('loads no more than 200 KB before its first request', () => {
    expect(bundleOf(name).staticBytes).toBeLessThanOrEqual(maxStaticBytes)
  })
})

describe.each(functionNames.map((name) => [name]))('%s', (name) => {
  test('starts without undici and http2, and exports a handler', async () => {
    const { handler, modules } = await loadedModules(bundleOf(name).directory)
    expect(handler).toBe('function')
    expect(modules.filter((module) => /undici|http2/.test(module))).toEqual([])
  })

  test('holds nothing that only costs', () => {
    const forbidden = [
      /\/dist-cjs\//,
      /zod\/.*\/locales\/(?!en\.)/,
      /aws-xray-sdk-core/,
      /googleapis\/build\/src\/apis\/index\.js/,
      /googleapis\/build\/src\/index\.js/,
      /^local\//,
    ]
    expect(bundleOf(name).inputs.filter((input) => forbidden.some((pattern) => pattern.test(input)))).toEqual(
      [],
    )
  })

  test('loads the provider libraries on first use only', () => {
    const libraries =
      /node_modules\/(?:googleapis|googleapis-common|google-auth-library|gaxios|@azure\/msal-node)\//
    expect(bundleOf(name).staticInputs.filter((input) => libraries.test(input))).toEqual([])
  })
})
