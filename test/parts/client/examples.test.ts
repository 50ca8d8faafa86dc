import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorGuide, errorGuideFile } from '../../../client/error-guide.ts'
import { createDriveway } from '../../../client/src/node.ts'
import { pdfOf } from '../../../examples/scanner/pdf.ts'
import { snippetsOf } from '../../support/snippets.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { LocalStack } from '../../support/local-stack.ts'

const root = join(import.meta.dirname, '../../..')

/** Without what the formatter chooses: blank lines and the padding of tables. */
const plain = (text: string) => text.replaceAll(/\s+/g, ' ')

test('the error guide says what the API says', async () => {
  expect(plain(await readFile(errorGuideFile, 'utf8'))).toBe(plain(errorGuide()))
})

test('the scanner makes a PDF whose table finds every object', async () => {
  const jpeg = new Blob([new Uint8Array([0xff, 0xd8, 0xff, 0xd9])])
  const pdf = pdfOf([
    { jpeg, width: 1000, height: 1400 },
    { jpeg, width: 1400, height: 1000 },
  ])
  const text = Buffer.from(await pdf.arrayBuffer()).toString('latin1')
  const start = Number(/startxref\n(\d+)/.exec(text)?.[1])
  expect(text.slice(start, start + 4)).toBe('xref')
  const offsets = [...text.slice(start).matchAll(/(\d{10}) 00000 n/g)].map((match) => Number(match[1]))
  expect(offsets.map((offset, index) => text.slice(offset).startsWith(`${index + 1} 0 obj\n`))).toEqual(
    offsets.map(() => true),
  )
  expect(offsets).toHaveLength(8)
  expect(text).toContain('/Count 2')
})

const pages = ['client/README.md', 'docs/app-developers.md']
const snippets = snippetsOf(pages)
afterAll(() => snippets.dispose())

test('the pages’ snippets hold under the strictest compiler', () => {
  expect(snippets.faults).toBe('')
})

describe('on the local stack', () => {
  let stack: LocalStack
  let folder: string
  /** Where the snippets write what they read. */
  let read: string

  beforeAll(async () => {
    stack = await startLocalStack()
    folder = await mkdtemp(join(tmpdir(), 'driveway-drop-'))
    read = await mkdtemp(join(tmpdir(), 'driveway-read-'))
  })

  afterAll(async () => {
    await stack.dispose()
    await rm(folder, { recursive: true })
    await rm(read, { recursive: true })
  })

  test.each(pages)('the snippets of %s work', { timeout: 120_000 }, async (page) => {
    const ask = async (body: object): Promise<string> => {
      const answer = await fetch(`${stack.base}/local/token`, { method: 'POST', body: JSON.stringify(body) })
      return String(JSON.parse(await answer.text()).token)
    }
    const user = await ask({ sub: 'alice' })
    const machine = await ask({ client: 'backend', scopes: ['documents.read'] })
    const seen: unknown[] = []
    await snippets.run(page, {
      baseUrl: stack.base,
      session: { accessToken: () => user },
      backend: { accessToken: () => machine },
      file: new File(['a page of a document'], 'invoice.pdf'),
      cancel: new AbortController(),
      show: (...progress) => void seen.push(progress.at(-1)),
      say: (words) => void seen.push(words),
      offerReconnect: (connectionId) => void seen.push(connectionId),
      createWriteStream: (fileName) => createWriteStream(join(read, fileName)),
    })
    expect(seen.at(-1)).toBe(1)
  })

  test('what the app-developers’ page stored was read into a file of its name', async () => {
    expect(await readFile(join(read, 'invoice.pdf'), 'utf8')).toBe('a page of a document')
  })

  test('the drop server delivers a file and sees it stored', { timeout: 120_000 }, async () => {
    const signIn = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"sub":"alice"}',
    }
    const { token } = JSON.parse(await (await fetch(`${stack.base}/local/token`, signIn)).text())
    const driveway = createDriveway({ baseUrl: stack.base, token: () => String(token) })
    const connectionId = (await driveway.connections.list())[0]?.id ?? ''
    await writeFile(join(folder, 'report-7.pdf'), 'not really a PDF')
    const server = spawn(
      process.execPath,
      [join(root, 'examples/drop-server/server.ts'), folder, 'alice', connectionId],
      {
        env: { PATH: process.env['PATH'], DRIVEWAY_PORT: String(stack.port) },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    try {
      const done = Promise.withResolvers<string>()
      let said = ''
      server.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('done report-7.pdf')) done.resolve(said)
      })
      server.on('exit', (code) => done.reject(new Error(`the drop server ended with ${code}: ${said}`)))
      expect(await done.promise).toBe('dropped report-7.pdf\ndone report-7.pdf\n')
      expect(await readFile(join(folder, 'done/report-7.pdf'), 'utf8')).toBe('not really a PDF')
      expect(await driveway.documents.stat('report-7')).toMatchObject({
        status: 'stored',
        contentType: 'application/pdf',
        size: 16,
      })
    } finally {
      server.removeAllListeners('exit')
      server.kill()
    }
  })
})
