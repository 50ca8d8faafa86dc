import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { bundle, bundleFunctions } from '../infra/bundling/bundle.ts'
import type { Bundle } from '../infra/bundling/bundle.ts'
import { functionNames } from '../infra/functions.ts'

/**
 * `npm run bench:cold`: bundle sizes, and how long each function takes to start in a fresh process. Rounds
 * are
 * interleaved, so that a busy machine is unfair to all alike. What can be compared is the ratio to the
 * reference
 * bundle, which holds the two AWS clients alone. `--rounds 15` changes how often; `--write` puts the table
 * into
 * bench/results/cold.md.
 */

const run = promisify(execFile)
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

/** The quarter of the starts that was least disturbed by what else runs on the machine. */
function quartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? Number.NaN
}

interface Candidate {
  readonly name: string
  /** Empty for bare Node. */
  readonly file: string
  readonly staticBytes?: number
  readonly lazyBytes?: number
  readonly starts: Start[]
}

function candidate(name: string, { directory, staticBytes, lazyBytes }: Bundle): Candidate {
  return { name, file: resolve(directory, 'index.mjs'), staticBytes, lazyBytes, starts: [] }
}

/** One CommonJS file, as esbuild makes it with `mainFields` alone. */
async function plainReference(name: string): Promise<Candidate> {
  const file = resolve('dist/bench/plain.cjs')
  const { metafile } = await build({
    entryPoints: ['bench/reference/handler.ts'],
    outfile: file,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    metafile: true,
  })
  return { name, file, staticBytes: Object.values(metafile.outputs)[0]?.bytes ?? 0, lazyBytes: 0, starts: [] }
}

function row({ name, staticBytes, lazyBytes, starts }: Candidate, referenceMs: number): string {
  const ms = starts.map((one) => one.ms)
  const size = (bytes: number | undefined) => (bytes === undefined ? '' : (bytes / 1024).toFixed(0))
  return [
    name,
    size(staticBytes),
    size(lazyBytes),
    `${quartile(ms).toFixed(1)}, ${median(ms).toFixed(1)}`,
    (quartile(ms) / referenceMs).toFixed(2),
    (median(starts.map((one) => one.rss)) / 1024 / 1024).toFixed(0),
    starts.some((one) => one.extra > 0) ? 'yes' : 'no',
  ].join(' | ')
}

async function candidates(): Promise<{ reference: Candidate; all: readonly Candidate[] }> {
  const functions = await bundleFunctions(functionNames, 'dist/bench')
  const own = await bundle({ reference: 'bench/reference/handler.ts' }, 'dist/bench')
  const reference = await plainReference('reference: two AWS clients, one CommonJS file')
  const all = [
    { name: 'bare Node', file: '', starts: [] },
    reference,
    ...[...own.values()].map((made) => candidate('the same, bundled as ours', made)),
    ...[...functions].map(([name, made]) => candidate(name, made)),
  ]
  return { reference, all }
}

async function main(): Promise<void> {
  const at = process.argv.indexOf('--rounds')
  const rounds = at === -1 ? 15 : Number(process.argv[at + 1])
  const { reference, all } = await candidates()
  for (let round = 0; round < rounds; round += 1) {
    for (const { file, starts } of all) starts.push(await startOnce(file))
  }
  const referenceMs = quartile(reference.starts.map((one) => one.ms))
  const table = [
    `Node ${process.versions.node}, ${process.arch}, ${rounds} interleaved rounds.`,
    '',
    'function | KB at the start | KB on first use | start, ms: lower quartile, median | quartile to the reference’s | MB resident | undici or http2',
    '--- | ---: | ---: | ---: | ---: | ---: | ---',
    ...all.map((one) => row(one, referenceMs)),
    '',
  ].join('\n')
  console.log(table)
  if (process.argv.includes('--write')) {
    mkdirSync('bench/results', { recursive: true })
    writeFileSync('bench/results/cold.md', `# How functions start\n\n${table}`)
  }
}

await main()
