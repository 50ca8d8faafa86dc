import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exitCodes } from '../../../cli/exit-codes.ts'
import { pack } from '../../../packages/pack.ts'
import type { Published } from '../../../packages/scope.ts'
import { packageName } from '../../../packages/scope.ts'
import { firstProgram, unpack } from '../../../packages/trial.ts'
import { typeFaults } from '../../../packages/try-types.ts'
import { systemNode, systemNodeVersion } from '../../support/system-node.ts'

const root = join(import.meta.dirname, '../../..')
let made: string
/** Where the packages are installed: nothing else is there. */
let empty: string

const run = (program: string, args: readonly string[], cwd = empty) =>
  spawnSync(program, args, { cwd, encoding: 'utf8' })
const installed = (name: Published, ...path: readonly string[]): string =>
  join(empty, 'node_modules', packageName(name), ...path)
const tool = (name: string): string => join(root, 'node_modules/.bin', name)

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'driveway-packages-'))
  empty = await mkdtemp(join(tmpdir(), 'driveway-empty-'))
  await writeFile(join(empty, 'package.json'), '{ "private": true }')
  unpack('client', await pack('client', made), empty, ['@types/node', 'undici-types'])
  unpack('cli', await pack('cli', made), empty)
  unpack('simulators', await pack('simulators', made), empty, ['jose', 'zod'])
})

afterAll(async () => {
  for (const folder of [made, empty]) await rm(folder, { recursive: true, force: true })
})

describe('the client as it is published', () => {
  it('is well formed', () => {
    expect(run(tool('publint'), ['--strict'], join(made, 'client')).stdout).toContain('All good!')
  })

  it.each([
    ['imported', '.mjs', `import { createDriveway, isDrivewayError } from '${packageName('client')}'`],
    ['required', '.cjs', `const { createDriveway, isDrivewayError } = require('${packageName('client')}')`],
  ])(`can be %s, also by Node ${systemNodeVersion}`, async (_how, ending, imports) => {
    const file = join(empty, `program${ending}`)
    const program = `${imports}
const driveway = createDriveway({ baseUrl: 'http://127.0.0.1:1', token: () => 'token', retry: { attempts: 1 } })
driveway.connections.list().catch((error) => console.log(isDrivewayError(error), error.code))`
    await writeFile(file, program)
    for (const node of new Set([systemNode, process.execPath]))
      expect(run(node, [file])).toMatchObject({ stdout: 'true network_error\n', stderr: '', status: 0 })
  })

  // Under all the settings that people compile with: `npm run verify -- --only packages`.
  it.each(['a bundler, in a page', 'node16, in CommonJS'])('has the right types for %s', (setting) => {
    expect(typeFaults(empty, [setting])).toEqual({ [setting]: '' })
  })

  it('is small in a browser, and takes nothing of Node there', async () => {
    const contents = `export { createDriveway, isDrivewayError } from '${packageName('client')}'`
    const bundle = await build({
      stdin: { contents, resolveDir: empty },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      write: false,
    })
    const code = bundle.outputFiles[0]?.contents ?? new Uint8Array()
    expect(Buffer.from(code).toString()).not.toMatch(/node:|process\./)
    expect(gzipSync(code).length).toBeLessThan(9_000)
  })
})

describe('the command line as it is published', () => {
  const file = () => installed('cli', 'dist/driveway.js')

  it(`needs nothing but Node, and runs on ${systemNodeVersion}`, async () => {
    const text = await readFile(file(), 'utf8')
    const foreign = [...text.matchAll(/\bfrom\s*["']([^"']+)["']/g)].map(([, name]) => name)
    const shared = foreign.filter((name) => name?.startsWith('node:') !== true)
    const beside = shared.map((name) => readFileSync(installed('cli', 'dist', name ?? ''), 'utf8'))
    // What starts within 0.3 s on a plain laptop: most of a start is reading and compiling.
    expect([text, ...beside].join('').length).toBeLessThan(250_000)
    for (const node of new Set([systemNode, process.execPath])) {
      expect(run(node, [file(), '--version']).stdout).toMatch(/^driveway \d+\.\d+\.\d+\n$/)
      const refused = run(node, [file(), 'ls', '--url', 'http://127.0.0.1:1', '--json'])
      expect(refused).toMatchObject({ status: exitCodes.network, stdout: '' })
      expect(refused.stderr).toContain('Nothing answers at http://127.0.0.1:1')
    }
  })
})

describe('the command line as it is published, to an agent', () => {
  it(`serves its tools on ${systemNodeVersion}`, async () => {
    const args = [installed('cli', 'dist/driveway.js'), 'mcp', '--url', 'http://127.0.0.1:1']
    const client = new Client({ name: 'a scripted agent', version: '1.0.0' })
    await client.connect(new StdioClientTransport({ command: systemNode, args, cwd: empty }))
    try {
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain('put_file')
      const { content, isError } = await client.callTool({ name: 'connections', arguments: {} })
      expect([isError, JSON.stringify(content)]).toEqual([true, expect.stringContaining('Nothing answers')])
    } finally {
      await client.close()
    }
  })
})

describe('the simulators as they are published', () => {
  it('run inside a test, as their page shows', async () => {
    const file = join(empty, 'simulated.mjs')
    await writeFile(file, firstProgram('simulators'))
    expect(run(process.execPath, [file])).toMatchObject({
      stdout: 'the answer is lost\n200\n2\n',
      stderr: '',
      status: 0,
    })
  })

  it('run as a process', async () => {
    const program = installed('simulators', 'dist/driveway-simulator.js')
    const child = spawn(process.execPath, [program, 'dropbox', '--port', '0'], { cwd: empty })
    try {
      const [said] = (await once(child.stdout, 'data')) as [Buffer]
      const origin = /http:\S+/.exec(String(said))?.[0] ?? ''
      expect(await (await fetch(`${origin}/_sim/files`)).json()).toEqual([])
    } finally {
      child.kill()
      await once(child, 'exit')
    }
  })
})
