import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startLocalStack } from '../../support/local-stack.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'
import { cleanEnvironment, runCli } from './run-cli.ts'
import type { RunOptions } from './run-cli.ts'

let stack: LocalStack
let folder: string

beforeAll(async () => {
  stack = await startLocalStack()
  folder = await mkdtemp(join(tmpdir(), 'driveway-journey-'))
})

afterAll(async () => {
  await stack.dispose()
  await rm(folder, { recursive: true })
})

const run = (args: readonly string[], options: RunOptions = {}) =>
  runCli(args, {
    ...options,
    cwd: folder,
    env: cleanEnvironment(join(folder, '.config'), { DRIVEWAY_URL: stack.base, DRIVEWAY_USER: 'carol' }),
  })

/** Does on the provider’s consent page what a person does, and follows the browser home. */
function consenting(account: string): (text: string) => void {
  let done = false
  return (text) => {
    const [url] = /http:\/\/127\.0\.0\.1:\d+\/\S+(?=\s)/.exec(text) ?? []
    if (done || url === undefined) return
    done = true
    const form = new URLSearchParams({ decision: 'approve', account })
    void fetch(url, { method: 'POST', body: form }).then((response) => response.body?.cancel())
  }
}

test.each(sampleOf(['google-drive', 'onedrive', 'dropbox'], 3, 1))(
  'a newcomer’s whole journey on the local stack with %s',
  async (provider) => {
    const connected = await run(['connect', provider, '--no-browser'], {
      onText: consenting('carol@example.com'),
    })
    expect(connected).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/as carol@example.com: [\w-]+\n$/),
    })
    const connection = connected.stdout.trim().split(' ').at(-1) ?? ''

    const files = {
      'small.pdf': randomBytes(70_000),
      'large.bin': randomBytes(12_000_000),
      'empty.txt': Buffer.alloc(0),
    }
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), content)
      const id = `${provider}-${name.split('.')[0]}`
      const stored = await run(['put', name, '--id', id, '--connection', connection])
      // OneDrive gives no hash of an empty file.
      const proof = provider === 'onedrive' && content.length === 0 ? id : 'verified'
      expect(stored).toMatchObject({ code: 0, stdout: expect.stringContaining(proof) })
      expect((await run(['get', id, '-o', `${id}.out`])).code).toBe(0)
      expect((await readFile(join(folder, `${id}.out`))).equals(content)).toBe(true)
      expect((await run(['status', id, '--watch'])).stdout).toContain('stored')
    }
    expect((await run(['ls', '--connection', connection])).stdout.match(/ stored /g)).toHaveLength(3)
    expect((await run(['doctor'])).code).toBe(0)
    expect((await run(['rm', `${provider}-small`, `${provider}-large`, `${provider}-empty`])).code).toBe(0)
    expect((await run(['disconnect', connection])).code).toBe(0)
  },
)

test('an administrator exports a user, erases them, and sees the receipt', async () => {
  await run(['connect', 's3'], {})
  const exported = await run(['admin', 'export', 'carol', '--json'])
  expect(exported.stdout).toContain('"table":"connections"')
  expect(await run(['admin', 'burn', 'carol'])).toMatchObject({ code: 2 })
  expect(await run(['admin', 'erase', 'carol', '--files', 'burn'])).toMatchObject({ code: 2 })
  expect(await run(['admin', 'erasure', 'nobody'])).toMatchObject({ code: 4 })
  expect(await run(['admin', 'erase', 'carol'])).toMatchObject({
    code: 0,
    stdout: 'The erasure of carol is running.\n',
  })
  const later = await run(['admin', 'erasure', 'carol', '--json'])
  expect(JSON.parse(later.stdout)).toMatchObject({ userId: 'carol', files: 'keep' })
})
