import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import packageJson from '../../../cli/package.json' with { type: 'json' }
import { documentIdOf } from '../../../cli/document-names.ts'
import { exitCodes } from '../../../cli/exit-codes.ts'
import { startContractServer } from '../../support/contract-server.ts'
import type { ContractServer } from '../../support/contract-server.ts'
import { browsing, cleanEnvironment, runCli } from './run-cli.ts'
import type { RunOptions } from './run-cli.ts'

let server: ContractServer
let folder: string

beforeEach(async () => {
  server = await startContractServer()
  folder = await mkdtemp(join(tmpdir(), 'driveway-cli-'))
})

afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true })
  if (server.disagreements.length > 0) throw new Error(server.disagreements.join('\n'))
})

const run = (args: readonly string[], options: RunOptions = {}) =>
  runCli(args, {
    cwd: folder,
    ...options,
    env: cleanEnvironment(join(folder, '.config'), { DRIVEWAY_URL: server.url, ...options.env }),
  })
const lines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))

describe('in a pipe', () => {
  test('the whole journey: connect, put, ls, status, get, rm, doctor', async () => {
    const connected = await run(['connect', 'onedrive', '--no-browser'], { onText: browsing() })
    expect(connected).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Connected onedrive as alice@example.com: [\w-]+\n$/),
    })
    expect((await run(['connections'])).stdout).toContain('onedrive')

    const content = randomBytes(5 * 1024 * 1024)
    await writeFile(join(folder, 'Scan 7 März.pdf'), content)
    const id = documentIdOf('Scan 7 März.pdf')
    const stored = await run(['put', 'Scan 7 März.pdf'])
    expect(stored).toEqual({
      code: 0,
      stderr: '',
      stdout: `✓ Scan 7 März.pdf → ${id} (5.2 MB, verified)\n`,
    })

    expect((await run(['ls'])).stdout).toMatch(
      new RegExp(`^DOCUMENT +STATUS .*\n${id} +stored +5\\.2 MB +google-drive +verified`),
    )
    expect((await run(['status', id])).stdout).toContain(`${id}: stored, 5.2 MB, application/pdf`)

    const fetched = await run(['get', id])
    expect(fetched.stdout).toBe(`✓ ${id} → ${id}.pdf (5.2 MB)\n`)
    expect((await readFile(join(folder, `${id}.pdf`))).equals(content)).toBe(true)

    expect((await run(['doctor'])).stdout).toMatch(
      /✓ settings: .*\n✓ deployment: .*\n✓ sign-in: .*\n✓ google-drive drive-1: /,
    )
    expect(await run(['rm', id])).toEqual({ code: 0, stderr: '', stdout: `Deleted ${id}\n` })
    expect((await run(['ls'])).stdout).toBe('No documents.\n')
  })

  test('the same journey speaks JSON, one value a line', async () => {
    const connected = await run(['connect', 'onedrive', '--json', '--no-browser'], { onText: browsing() })
    expect(connected.stderr).toBe('')
    expect(lines(connected.stdout)).toMatchObject([
      { event: 'authorize' },
      { connection: { status: 'active' } },
    ])
    await writeFile(join(folder, 'a.txt'), 'hello')
    expect(lines((await run(['put', 'a.txt', '--json'])).stdout)).toMatchObject([
      { file: 'a.txt', document: { id: 'a-txt', contentType: 'text/plain' } },
    ])
    expect(lines((await run(['ls', '--json'])).stdout)).toMatchObject([{ id: 'a-txt' }])
    expect(lines((await run(['status', 'a-txt', '--watch', '--json'])).stdout)).toMatchObject([
      { document: { status: 'stored' } },
    ])
    expect(lines((await run(['get', 'a-txt', '-o', 'b.txt', '--json'])).stdout)).toEqual([
      { documentId: 'a-txt', file: 'b.txt', bytes: 5, contentType: 'text/plain' },
    ])
    const missing = await run(['status', 'nothing', '--json'])
    expect(missing).toMatchObject({ code: exitCodes.notFound, stdout: '' })
    expect(lines(missing.stderr)).toMatchObject([{ error: { code: 'document_not_found', status: 404 } }])
  })

  test('standard input becomes a document, and a document standard output', async () => {
    const content = randomBytes(300_000)
    expect((await run(['put', '-', '--id', 'piped', '--extension', '.bin'], { input: content })).code).toBe(0)
    expect(server.documents.get('piped')?.content.equals(content)).toBe(true)
    expect((await run(['put', '-'], { input: 'x' })).code).toBe(exitCodes.usage)
    await run(['put', '-', '--id', 'text'], { input: 'hello' })
    expect((await run(['get', 'text', '-o', '-'])).stdout).toBe('hello')
    expect((await run(['get', 'text', '-o', '-', '--range', '1-3'])).stdout).toBe('ell')
  })

  test('a folder is stored whole, and a second run replaces or skips', async () => {
    const inner = join(folder, 'scans', '2026')
    await mkdir(inner, { recursive: true })
    for (const name of ['a.pdf', 'a.txt', '2026/b.pdf', '.hidden', '2026/empty'])
      await writeFile(join(folder, 'scans', name), name === '2026/empty' ? '' : name)
    const first = await run(['put', 'scans'])
    expect(first).toMatchObject({ code: 0, stderr: '1 hidden file is left out.\n' })
    expect([...server.documents.keys()].toSorted()).toEqual([
      'scans--2026--b-pdf',
      'scans--a-pdf',
      'scans--a-txt',
      documentIdOf('scans/2026/empty'),
    ])
    expect((await run(['put', 'scans'])).code).toBe(exitCodes.conflict)
    expect(
      (await run(['put', 'scans', '--if-exists', 'skip'])).stdout.match(/is there already/g),
    ).toHaveLength(4)
    expect((await run(['put', 'scans', '--if-exists', 'replace'])).code).toBe(0)
    expect(server.documents.get('scans--a-pdf')?.version).toBe(2)
  })

  test('a file that came later takes nobody’s place, and two of one name are refused', async () => {
    const docs = join(folder, 'docs')
    await mkdir(join(folder, 'other'))
    await mkdir(docs)
    const add = (name: string) => writeFile(join(docs, name), `the content of ${name}`)
    await Promise.all(['报告.txt', '合同.txt'].map(add))
    expect((await run(['put', 'docs', '--if-exists', 'skip'])).code).toBe(0)
    await add('一.txt')
    const second = await run(['put', 'docs', '--if-exists', 'skip'])
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('✓ docs/一.txt') })
    expect(server.documents.size).toBe(3)

    await writeFile(join(folder, 'other', '一.txt'), 'another')
    const both = await run(['put', 'docs/一.txt', 'other/一.txt', '--if-exists', 'skip'])
    expect(both).toMatchObject({ code: exitCodes.usage, stdout: '' })
    expect(both.stderr).toContain('docs/一.txt and other/一.txt would be one document')
  })

  test('one bad file does not stop the others', async () => {
    for (const name of ['a.txt', 'b.txt', 'c.txt']) await writeFile(join(folder, name), name)
    server.faults.push({
      method: 'PUT',
      path: /\/b-txt$/,
      action: { type: 'problem', code: 'provider_quota_exceeded' },
    })
    const stored = await run(['put', 'a.txt', 'b.txt', 'c.txt'])
    expect(stored.code).toBe(exitCodes.driveFull)
    for (const name of ['a', 'c']) expect(stored.stdout).toContain(`✓ ${name}.txt`)
    expect(stored.stderr).toContain('✗ b.txt')
  })

  test('nothing that exists is written over, and nothing half-done is left', async () => {
    await run(['put', '-', '--id', 'doc', '--extension', '.txt'], { input: 'new' })
    await writeFile(join(folder, 'doc.txt'), 'old')
    expect((await run(['get', 'doc'])).code).toBe(exitCodes.conflict)
    expect(await readFile(join(folder, 'doc.txt'), 'utf8')).toBe('old')
    expect((await run(['get', 'doc', '--force'])).code).toBe(0)
    expect(await readFile(join(folder, 'doc.txt'), 'utf8')).toBe('new')
    expect(await readdir(folder)).toEqual(['doc.txt'])
  })

  test('status --watch follows the transfer and ends with its outcome', async () => {
    server.outcome = 'parked'
    await writeFile(join(folder, 'large.bin'), randomBytes(5 * 1024 * 1024))
    const stored = await run(['put', 'large.bin'])
    expect(stored.code).toBe(exitCodes.userNeeded)
    expect(stored.stderr).toContain('driveway connect --reconnect drive-1')
    expect((await run(['status', 'large-bin', '--watch'])).code).toBe(exitCodes.userNeeded)
  })

  test('a refused consent, a foreign arrival and a pasted code', async () => {
    const denied = await run(['connect', 'google-drive', '--no-browser'], {
      onText: browsing((url) => `${url}&deny`),
    })
    expect(denied).toMatchObject({
      code: exitCodes.userNeeded,
      stderr: expect.stringContaining('access_denied'),
    })
    const again = await run(['connect', '--reconnect', 'drive-1', '--paste'], { input: 'code-drive-1\n' })
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('Connected google-drive') })
    expect((await run(['connect', '--reconnect', 'drive-1', '--paste'], { input: '' })).code).toBe(
      exitCodes.usage,
    )
    expect((await run(['disconnect', 'drive-1'])).stdout).toBe(
      'Disconnected drive-1. Your files stay in your drive.\n',
    )
  })

  test('Ctrl-C ends an upload, deletes what it began and leaves 130', async () => {
    await writeFile(join(folder, 'large.bin'), randomBytes(5 * 1024 * 1024))
    server.faults.push({ method: 'PUT', path: /bucket/, action: { type: 'hang' } })
    const running = Promise.withResolvers<() => void>()
    const uploading = run(['put', 'large.bin'], { onStart: running.resolve })
    await expect.poll(() => server.requests.at(-1), { timeout: 20_000 }).toBe('PUT /bucket/intake/large-bin')
    const interrupt = await running.promise
    interrupt()
    expect(await uploading).toEqual({ code: exitCodes.interrupted, stdout: '', stderr: 'Interrupted.\n' })
    expect(server.documents.has('large-bin')).toBe(false)
  })
})

describe('mistakes and failures', () => {
  test.each([
    [['frobnicate'], exitCodes.usage, 'no command frobnicate'],
    [['put'], exitCodes.usage, 'Usage: driveway put'],
    [['put', 'nowhere.pdf'], exitCodes.usage, 'no file nowhere.pdf'],
    [['ls', '--colour'], exitCodes.usage, '--colour'],
    [['ls', '--status', 'lost'], exitCodes.usage, '--status takes'],
    [['connect', 'nobodys-drive'], exitCodes.usage, 'google-drive, onedrive, dropbox, s3'],
    [['status', 'nothing'], exitCodes.notFound, 'document_not_found'],
    [['ls', '--url', 'ftp://x'], exitCodes.usage, 'not a URL'],
    [['ls', '--url', 'https://driveway.invalid'], exitCodes.signIn, 'Not signed in'],
    [['ls', '--url', 'http://127.0.0.1:1'], exitCodes.network, 'npm start'],
  ])('driveway %j ends with %i and says why', async (args, code, words) => {
    const ended = await run(args)
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(words)
  })

  test('a refused token says how to sign in', async () => {
    const refused = await run(['ls'], { env: { DRIVEWAY_TOKEN: 'stale' } })
    expect(refused).toMatchObject({
      code: exitCodes.signIn,
      stderr: expect.stringContaining('driveway login'),
    })
  })

  test('doctor names what is wrong, and ends with its kind', async () => {
    const down = await run(['doctor', '--url', 'http://127.0.0.1:1'])
    expect(down).toMatchObject({ code: exitCodes.network, stdout: expect.stringContaining('✗ deployment') })
    const found = server.connections.get('drive-1')
    if (found !== undefined) server.connections.set('drive-1', { ...found, status: 'requires_reauth' })
    const dead = await run(['doctor'])
    expect(dead).toMatchObject({
      code: exitCodes.userNeeded,
      stdout: expect.stringContaining('driveway connect --reconnect drive-1'),
    })
  })

  test('help stands behind every command', async () => {
    const help = await run(['help'])
    const names = [...help.stdout.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1] ?? '')
    expect(names).toEqual([
      'login',
      'logout',
      'connect',
      'connections',
      'disconnect',
      'put',
      'get',
      'cat',
      'ls',
      'rm',
      'mv',
      'open',
      'status',
      'whoami',
      'doctor',
      'listen',
      'trigger',
      'admin',
      'mcp',
      'completion',
    ])
    expect((await run([])).stdout).toBe(help.stdout)
    const ofPut = await run(['put', '--help'])
    expect(ofPut.stdout).toContain('--if-exists')
    expect((await run(['help', 'put'])).stdout).toBe(ofPut.stdout)
    const version = await run(['--version'])
    expect(version).toEqual({ code: 0, stderr: '', stdout: `driveway ${packageJson.version}\n` })
  })

  test.each(['bash', 'zsh', 'fish'])('%s is told every command and its options', async (shell) => {
    const script = (await run(['completion', shell])).stdout
    for (const word of ['whoami', 'completion', 'if-exists', 'dry-run']) expect(script).toContain(word)
    expect(await run(['completion', 'tcsh'])).toMatchObject({ code: exitCodes.usage })
  })

  test('bash completes a command, then its options', async () => {
    const { stdout: script } = await run(['completion', 'bash'])
    const ask = `COMP_WORDS=(driveway "$@"); COMP_CWORD=$#; _driveway; echo "\${COMPREPLY[*]}"`
    const completed = (...words: string[]) =>
      execFileSync('bash', ['-c', `${script}\n${ask}`, 'bash', ...words], { encoding: 'utf8' }).trim()
    expect(completed('con')).toBe('connect connections')
    expect(completed('put', '--if')).toBe('--if-exists')
    expect(completed('rm', '')).toBe('')
  })
})

describe('sign-in', () => {
  test('at the local stack it remembers who to be, for this user’s eyes only', async () => {
    expect((await run(['login', '--as', 'bob'])).stdout).toBe(`You are bob at ${server.url}.\n`)
    const file = join(folder, '.config', 'config.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, '.config'))).mode & 0o777).toBe(0o700)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ current: server.url })
    await chmod(file, 0o644)
    expect((await run(['doctor'])).stdout).toContain('chmod 600')
    await run(['logout'])
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ deployments: {} })
    await writeFile(file, 'not json')
    expect((await run(['login'])).stderr).toContain('is damaged')
  })
})
