import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { thumbnailOf } from '../../../examples/webhook-server/thumbnail.ts'
import type { DocumentAnswer } from '../../support/api.ts'
import { apiOf, apiWith, machineToken } from '../../support/api.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'
import { serve, serveAll } from '../../support/serve.ts'
import { until } from '../../support/stack-control.ts'
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
  const listed = await run(['admin', 'list', 'carol'])
  expect(listed).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/ s3 +active\n[^]*\nNo documents\.\n$/),
  })
  const values = (await run(['admin', 'list', 'carol', '--json'])).stdout.trim().split('\n')
  expect(values.map((line) => JSON.parse(line))).toEqual(
    expect.arrayContaining([{ connection: expect.objectContaining({ provider: 's3', status: 'active' }) }]),
  )
  expect((await run(['admin', 'list', 'nobody'])).stdout).toBe('No drives.\n\nNo documents.\n')
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

/** Starts a program of ours that runs until it is stopped, with all that it has said. */
function begin(file: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../..', file), ...args], {
    env: cleanEnvironment(join(folder, '.config'), { DRIVEWAY_URL: stack.base, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  return {
    said: () => said,
    lines: () => said.split('\n').filter((line) => line !== ''),
    /** What it has said, once it is this. */
    says: (what: RegExp) =>
      until(
        () => Promise.resolve(said),
        (text) => what.test(text),
      ),
    async stop(signal: NodeJS.Signals): Promise<number | null> {
      child.kill(signal)
      return await ended
    },
  }
}

interface Delivery {
  readonly id: string
  readonly type: string
  readonly status?: number
}

describe('a server of an app, by listen and trigger', () => {
  let port: string
  let target: string
  let listening: ReturnType<typeof begin>
  let server: ReturnType<typeof begin>
  let secret: string
  let leftBehind: number
  let document: DocumentAnswer['document']
  const deliveries = (): Delivery[] =>
    listening
      .lines()
      .map((line) => JSON.parse(line) as Delivery)
      .filter(({ type }) => type)
  const delivered = (is: (delivery: Delivery) => boolean) =>
    until(
      () => Promise.resolve(deliveries()),
      (all) => all.some(is),
    )
  const startServer = async () => {
    server = begin('examples/webhook-server/server.ts', [], { PORT: port, WEBHOOK_SECRET: secret })
    await server.says(/hears webhooks/)
  }
  const hooks = async () => {
    const machine = apiWith(stack.base, await machineToken(stack.base, 'backend', ['webhooks']))
    return (await machine.request<{ webhooks: { url: string }[] }>('GET', '/v1/webhooks')).body.webhooks
  }

  beforeAll(async () => {
    const free = await serveAll(() => undefined)
    port = new URL(free.url).port
    target = `http://localhost:${port}/hook`
    await free.close()
    // One that listened and was killed has left its webhook behind.
    const killed = begin('cli/driveway.js', ['listen', '--forward-to', target], {})
    await killed.says(/whsec_/)
    await killed.stop('SIGKILL')
    leftBehind = (await hooks()).length
    listening = begin('cli/driveway.js', ['listen', '--forward-to', target, '--json'], {})
    ;[, secret = ''] = /"secret":"([^"]+)"/.exec(await listening.says(/whsec_[^"]+"/)) ?? []
    await startServer()
  })
  afterAll(async () => {
    await listening.stop('SIGKILL')
    await server.stop('SIGKILL')
  })

  test('hears of a document, reads it as a machine and stores a thumbnail', async () => {
    expect([leftBehind, (await hooks()).length]).toEqual([1, 1])
    const stored = await run(['trigger', 'document.stored', '--as', 'dora'])
    const [, id = ''] = /Stored (trigger-\w+)/.exec(stored.stdout) ?? []
    expect(stored).toMatchObject({ code: 0, stdout: expect.stringContaining(id) })
    await server.says(new RegExp(`stored ${id}\\.thumb of dora\n`))
    const api = await apiOf(stack.base, 'dora')
    const thumbnail = await api.request('GET', `/v1/documents/${id}.thumb/content`)
    expect(thumbnail.headers.get('content-type')).toBe('image/svg+xml')
    const content = await api.request('GET', `/v1/documents/${id}/content`)
    document = (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body.document
    expect(thumbnail.text).toBe(thumbnailOf(Buffer.from(content.text)))
    // The thumbnail is told as well, and has none of its own.
    await until(
      () => Promise.resolve(deliveries()),
      (all) => all.filter(({ type, status }) => type === 'document.stored' && status === 204).length >= 2,
    )
    expect(server.said()).not.toContain('.thumb.thumb')
  })

  test('refuses what is forged, altered or old, and does nothing twice', async () => {
    const send = async (id: string, at: Date, body: string, key = secret, sent = body) => {
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(key).sign(id, at, body),
      }
      return (await fetch(target, { method: 'POST', headers, body: sent })).status
    }
    const stored = (documentId: string, userId = 'dora') =>
      JSON.stringify({ type: 'document.stored', data: { userId, documentId, connectionId: 'c-1' } })
    const now = new Date()
    const hour = 3_600_000
    const other = `whsec_${randomBytes(32).toString('base64')}`
    expect(await send('one', now, stored('nothing'), other)).toBe(400)
    expect(await send('one', now, stored('nothing'), secret, stored('nothing', 'mallory'))).toBe(400)
    expect(await send('one', new Date(now.getTime() - hour), stored('nothing'))).toBe(400)
    expect(await send('one', new Date(now.getTime() + hour), stored('nothing'))).toBe(400)
    const said = () => server.lines().filter((line) => line.startsWith(`stored ${document.id}.thumb`)).length
    const { id: documentId, connectionId } = document
    const again = JSON.stringify({
      type: 'document.stored',
      data: { userId: 'dora', documentId, connectionId },
    })
    const before = said()
    expect(await send('two', now, again)).toBe(204)
    expect(await send('two', now, again)).toBe(204)
    expect(said()).toBe(before + 1)
  })

  test.each([
    ['document.deleted', false],
    ['connection.disconnected', false],
    ['user.erased', false],
    ['webhook.test', false],
    ['document.parked', true],
    ['intake.rejected', true],
  ])('%s can be triggered; as a sample: %s', async (type, isSample) => {
    const made = await run(['trigger', type, '--as', 'dora', '--json'])
    expect(JSON.parse(made.stdout)).toMatchObject({ triggered: type, sample: isSample })
    await delivered(
      (one) => one.type === type && one.status === 204 && isSample === one.id.startsWith('sample-'),
    )
  })

  test('that is down hears later, under the same id', async () => {
    await server.stop('SIGKILL')
    await run(['trigger', 'connection.activated', '--as', 'erik'])
    const isMissed = ({ type, status }: Delivery) => type === 'connection.activated' && status === undefined
    const missed = (await delivered(isMissed)).find(isMissed)
    await startServer()
    const later = await delivered(({ id, status }) => id === missed?.id && status === 204)
    expect(later.filter(({ id }) => id === missed?.id).map(({ status }) => status)).toEqual([undefined, 204])
  })

  test('that answers 410 is not listened for any more', async () => {
    const gone = await serve((_req, res) => res.writeHead(410).end())
    const other = run(['listen', '--forward-to', gone, '--types', 'user.erased'])
    await until(hooks, (all) => all.length === 2)
    await run(['trigger', 'webhook.test'])
    expect(await other).toMatchObject({ code: 6, stderr: expect.stringContaining('410') })
    expect(await hooks()).toHaveLength(1)
  })

  test('is not for a deployment, nor for events that there are not', async () => {
    for (const words of [
      ['listen', '--forward-to', target],
      ['trigger', 'document.stored'],
    ])
      expect(await run([...words, '--url', 'https://api.example.com'])).toMatchObject({
        code: 11,
        stderr: expect.stringContaining('for the local stack'),
      })
    for (const words of [
      ['trigger', 'document.burnt'],
      ['listen', '--forward-to', target, '--types', 'document.stored,document.burnt'],
    ])
      expect(await run(words)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/no event document\.burnt.*document\.stored.*user\.erased/),
      })
    for (const words of [['listen'], ['listen', '--forward-to', 'localhost:3000']])
      expect(await run(words)).toMatchObject({ code: 2 })
  })

  test('ends with Ctrl-C and leaves nothing behind', async () => {
    expect(await listening.stop('SIGINT')).toBe(130)
    expect(await hooks()).toEqual([])
  })
})
