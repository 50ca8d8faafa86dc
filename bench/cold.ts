import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { bundle, bundleFunctions } from '../infra/bundling/bundle.ts'
import type { Bundle } from '../infra/bundling/bundle.ts'
import { functionNames } from '../infra/functions.ts'

/**
 * `npm run bench:cold`: bundle sizes and how long each function takes to start, as Lambda starts it: a fresh process with Node's own
 * network modules loaded, then the import of the bundle. Rounds are interleaved, so that a busy machine is unfair to all alike.
 * Milliseconds are this machine's; the ratio to the reference bundle, which holds the two AWS clients alone, is what can be compared.
 * `--rounds 15` changes how often; `--write` puts the table into bench/results/cold.md.
 */

const run = promisify(execFile)
const reference = 'reference: two AWS clients'
const bare = 'bare Node'

const start = `
  for (const name of ['net', 'http', 'os', 'util', 'worker_threads']) process.getBuiltinModule(name)
  globalThis.awslambda = { streamifyResponse: (handler) => handler, HttpResponseStream: {} }
  const begun = performance.now()
  if (process.argv[1] !== '') await import(process.argv[1])
  const ms = performance.now() - begun
  const extra = process.moduleLoadList.filter((name) => /undici|http2/.test(name)).length
  console.log(JSON.stringify({ ms, extra, rss: process.memoryUsage().rss }))`

interface Start {
  readonly ms: number
  readonly extra: number
  readonly rss: number
}

async function startOnce(file: string): Promise<Start> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', start, '--', file], {
    env: { AWS_REGION: 'eu-central-1', AWS_LAMBDA_FUNCTION_NAME: 'bench' },
  })
  return JSON.parse(stdout) as Start
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function row(name: string, made: Bundle | undefined, starts: readonly Start[], referenceMs: number): string {
  const ms = starts.map((one) => one.ms)
  const size = (bytes: number | undefined) => (bytes === undefined ? '' : (bytes / 1024).toFixed(0))
  return [
    name,
    size(made?.staticBytes),
    size(made?.lazyBytes),
    `${median(ms).toFixed(1)} (${Math.min(...ms).toFixed(0)}-${Math.max(...ms).toFixed(0)})`,
    (Math.min(...ms) / referenceMs).toFixed(2),
    (median(starts.map((one) => one.rss)) / 1024 / 1024).toFixed(0),
    starts.some((one) => one.extra > 0) ? 'yes' : 'no',
  ].join(' | ')
}

async function main(): Promise<void> {
  const at = process.argv.indexOf('--rounds')
  const rounds = at === -1 ? 9 : Number(process.argv[at + 1])
  const bundles = new Map(await bundleFunctions(functionNames, 'dist/bench'))
  for (const [, made] of await bundle({ reference: 'bench/reference/handler.ts' }, 'dist/bench'))
    bundles.set(reference, made)
  const files = new Map([
    [bare, ''],
    ...[...bundles].map(([name, { directory }]) => [name, resolve(directory, 'index.mjs')] as const),
  ])
  const starts = new Map<string, Start[]>([...files.keys()].map((name) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, file] of files) starts.get(name)?.push(await startOnce(file))
  }
  const of = (name: string): readonly Start[] => starts.get(name) ?? []
  const referenceMs = Math.min(...of(reference).map((one) => one.ms))
  const order = [bare, reference, ...functionNames]
  const table = [
    `Node ${process.versions.node}, ${process.arch}, ${rounds} interleaved rounds. The ratio is of the fastest starts: what else runs on the machine only adds.`,
    '',
    'function | KB at the start | KB on first use | start, ms: median (range) | to the reference | MB resident | undici or http2',
    '--- | ---: | ---: | ---: | ---: | ---: | ---',
    ...order.map((name) => row(name, bundles.get(name), of(name), referenceMs)),
    '',
  ].join('\n')
  console.log(table)
  if (process.argv.includes('--write')) {
    mkdirSync('bench/results', { recursive: true })
    writeFileSync('bench/results/cold.md', `# How functions start\n\n${table}`)
  }
}

await main()
