import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitCodes } from '../../../cli/exit-codes.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { Api, DocumentAnswer } from '../../support/api.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { simulatorControl } from '../../support/stack-control.ts'
import { cleanEnvironment, runCli } from './run-cli.ts'

let stack: LocalStack
let api: Api
let folder: string

beforeAll(async () => {
  stack = await startLocalStack()
  api = await apiOf(stack.base, 'nina')
  await connect(api, 'google-drive', 'nina@example.com')
  folder = await mkdtemp(join(tmpdir(), 'driveway-habits-'))
})
afterAll(async () => {
  await stack.dispose()
  await rm(folder, { recursive: true })
})

const run = (...args: string[]) =>
  runCli(args, {
    cwd: folder,
    env: cleanEnvironment(join(folder, '.config'), { DRIVEWAY_URL: stack.base, DRIVEWAY_USER: 'nina' }),
  })
const text = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(...args)
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}
const nameOf = async (id: string) =>
  (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body.document.name
const idIn = (stored: string): string => /→ (\S+) \(/.exec(stored)?.[1] ?? ''

test('the last word is where to, as cp has it, in both directions', async () => {
  await writeFile(join(folder, 'a.txt'), 'letter a')
  const id = idIn(await text('put', 'a.txt', 'backup/a'))
  expect(await nameOf(id)).toBe('backup/a')
  const { document } = (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body
  expect([document.contentType, document.extension]).toEqual(['text/plain', '.txt'])
  expect(await nameOf(idIn(await text('put', 'a.txt', 'archive/')))).toBe('archive/a.txt')

  await text('get', id, 'out.txt')
  expect(await readFile(join(folder, 'out.txt'), 'utf8')).toBe('letter a')
  expect(await run('get', id, 'out.txt')).toMatchObject({ code: exitCodes.conflict })
  await text('get', 'archive/a.txt', 'fetched/')
  expect(await readdir(join(folder, 'fetched'))).toEqual(['a.txt'])
  expect(await text('cat', 'backup/a', 'archive/a.txt')).toBe('letter aletter a')
})

test('a folder goes up and comes back as it was', async () => {
  await mkdir(join(folder, 'scans/deep'), { recursive: true })
  const contents = new Map([
    ['scans/契約書 2026.pdf', randomBytes(3000)],
    ['scans/deep/b.bin', randomBytes(10)],
  ])
  for (const [name, bytes] of contents) await writeFile(join(folder, name), bytes)
  await text('put', 'scans')
  await text('get', 'scans/', 'back')
  for (const [name, bytes] of contents)
    expect((await readFile(join(folder, 'back', name))).equals(bytes)).toBe(true)
  const again = await run('get', 'scans/', 'back')
  expect([again.code, again.stderr.match(/✗/g)?.length]).toEqual([exitCodes.conflict, 2])
  expect(await run('get', 'scans/', '-')).toMatchObject({ code: exitCodes.usage })
  expect(await run('get', 'nowhere/')).toMatchObject({ code: exitCodes.notFound })
})

test('globs and beginnings choose, and a dry run changes nothing', async () => {
  for (const name of ['q1.csv', 'q2.csv', 'Q3.csv']) await writeFile(join(folder, name), name)
  await text('put', 'q1.csv', 'q2.csv', 'Q3.csv')
  expect((await text('ls', 'q')).match(/[qQ]\d\.csv/g)).toHaveLength(3)
  expect((await text('ls', 'q*.csv')).match(/q\d\.csv/g)).toHaveLength(2)
  expect((await text('ls', 'scans/*')).match(/scans\//g)).toHaveLength(1)
  expect((await text('ls', 'scans/**')).match(/scans\//g)).toHaveLength(2)

  expect(await text('rm', '--dry-run', 'q?.csv')).toBe('Would delete q1-csv\nWould delete q2-csv\n')
  expect(await text('put', '--dry-run', 'q1.csv')).toContain('Would refuse q1.csv')
  expect(await text('put', '--dry-run', '--if-exists', 'skip', 'q1.csv')).toContain('Would skip')
  expect(await text('put', '--dry-run', 'q1.csv', 'new/')).toContain('Would store new/q1.csv')
  expect(await text('ls', 'new/')).toBe('No documents.\n')
  expect(await text('rm', 'q?.csv')).toBe('Deleted q1-csv\nDeleted q2-csv\n')
  expect(await text('rm', 'q1-csv')).toBe('q1-csv was not there\n')
  expect((await text('ls', 'q')).match(/[qQ]\d\.csv/g)).toEqual(['Q3.csv'])
})

test('rm puts into the bin, and past it with --permanent', async () => {
  for (const name of ['binned.csv', 'gone.csv']) await writeFile(join(folder, name), name)
  await text('put', 'binned.csv', 'gone.csv')
  expect(await text('rm', 'binned.csv')).toBe('Deleted binned-csv\n')
  expect(await text('rm', '--permanent', 'gone.csv')).toBe('Deleted gone-csv\n')
  const files = await simulatorControl(stack.at(1)).files('nina@example.com')
  expect(files.filter(({ name }) => /^(binned|gone)/.test(name))).toMatchObject([{ trashed: true }])
})

test('a name stands for its document, unless several have it', async () => {
  for (const id of ['twin-1', 'twin-2'])
    await api.request('PUT', `/v1/documents/${id}?extension=.txt&name=plan.txt`, { bytes: Buffer.from(id) })
  for (const command of ['get', 'cat', 'rm', 'open']) {
    const refused = await run(command, 'plan.txt')
    expect([command, refused.code]).toEqual([command, exitCodes.conflict])
    expect(refused.stderr).toContain('twin-1, twin-2')
  }
  expect(await text('mv', 'twin-2', '見積書.txt')).toBe('twin-2 is called 見積書.txt\n')
  expect(await text('cat', '見積書.txt')).toBe('twin-2')
  expect(await text('rm', 'plan.txt')).toBe('Deleted twin-1\n')
  expect(await run('mv', 'twin-2', 'two\nlines')).toMatchObject({ code: exitCodes.usage })
  expect(await run('cat', 'nothing-here')).toMatchObject({ code: exitCodes.notFound })
})

test('open gives a link that needs no token, and whoami says who and where', async () => {
  const url = (await text('open', '--no-browser', 'twin-2')).trim()
  expect(await (await fetch(url)).text()).toBe('twin-2')
  expect(await text('whoami')).toBe(`nina at ${stack.base}\n`)
  expect(JSON.parse(await text('whoami', '--json'))).toEqual({ user: 'nina', url: stack.base })
})

test('what a terminal would act on is shown as its escape', async () => {
  const name = `invoice\u202Efdp.exe`
  const path = `/v1/documents/turned?name=${encodeURIComponent(name)}`
  await api.request('PUT', path, { bytes: Buffer.from('x') })
  const listed = await text('ls', 'turned')
  expect(listed).toContain('invoice\\u202efdp.exe')
  expect(JSON.parse(await text('ls', 'turned', '--json'))).toMatchObject({ name })
})

test('who has no drive is told what to type, in words of the terminal', async () => {
  await writeFile(join(folder, 'lonely.txt'), createHash('sha256').digest())
  const refused = await run('put', 'lonely.txt', '--as', 'nobody')
  expect(refused.code).toBe(exitCodes.userNeeded)
  expect(refused.stderr).toContain('driveway connect google-drive')
  expect(refused.stderr).not.toContain('/v1/')
})

test('a fetch that was interrupted goes on where it was', async () => {
  const content = randomBytes(30_000_000)
  await writeFile(join(folder, 'long.bin'), content)
  await text('put', 'long.bin')
  const pace = (bytesPerSecond: number) =>
    fetch(`${stack.at(1)}/_sim/latency`, { method: 'POST', body: JSON.stringify({ bytesPerSecond }) })
  await pace(4_000_000)
  const place = join(folder, 'slow')
  await mkdir(place)
  const running = Promise.withResolvers<() => void>()
  const args = ['get', 'long.bin', 'slow/']
  const options = {
    cwd: folder,
    env: cleanEnvironment(join(folder, '.config'), { DRIVEWAY_URL: stack.base, DRIVEWAY_USER: 'nina' }),
  }
  const interrupted = runCli(args, { ...options, onStart: running.resolve })
  const interrupt = await running.promise
  const left = async () => {
    const [name = ''] = await readdir(place)
    return name === '' ? 0 : (await stat(join(place, name))).size
  }
  await expect.poll(left, { timeout: 60_000, interval: 20 }).toBeGreaterThan(4_000_000)
  interrupt()
  expect((await interrupted).code).toBe(exitCodes.interrupted)
  const bytes = await left()
  expect(bytes).toBeLessThan(content.length)
  await pace(0)
  const again = await run(...args)
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('Goes on at')])
  expect(await readdir(place)).toEqual(['long.bin'])
  expect((await readFile(join(place, 'long.bin'))).equals(content)).toBe(true)
})
