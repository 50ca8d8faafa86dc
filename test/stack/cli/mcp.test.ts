import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { cleanEnvironment } from './run-cli.ts'

let stack: LocalStack
let folder: string
let home: string

beforeAll(async () => {
  stack = await startLocalStack()
  folder = await mkdtemp(join(tmpdir(), 'driveway-agent-'))
  home = await mkdtemp(join(tmpdir(), 'driveway-home-'))
})

afterAll(async () => {
  await stack.dispose()
  for (const each of [folder, home]) await rm(each, { recursive: true })
})

interface Agent {
  /** What a tool answers, and whether it failed. */
  call(name: string, input?: Record<string, unknown>): Promise<{ said: string; failed: boolean }>
  /** All that the agent has seen. */
  readonly seen: string[]
  /** How far it was told that its files are. */
  readonly progress: number[]
  readonly pid: number
  tools(): Promise<string[]>
  close(): Promise<void>
}

async function agent(user: string): Promise<Agent> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(import.meta.dirname, '../../../cli/driveway.js'), 'mcp', folder],
    env: cleanEnvironment(home, { DRIVEWAY_URL: stack.base, DRIVEWAY_USER: user }),
  })
  const client = new Client({ name: 'a scripted agent', version: '1.0.0' })
  await client.connect(transport)
  const seen: string[] = []
  const progress: number[] = []
  const patient = {
    onprogress: ({ progress: so }: { progress: number }) => void progress.push(so),
    resetTimeoutOnProgress: true,
  }
  return {
    seen,
    progress,
    pid: transport.pid ?? 0,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, input = {}) {
      const { content, isError } = await client.callTool({ name, arguments: input }, patient)
      const said = content.map((part) => (part.type === 'text' ? part.text : '')).join('')
      seen.push(said)
      return { said, failed: isError === true }
    },
    close: () => client.close(),
  }
}

describe('an agent', () => {
  test('connects a drive, stores, lists, reads and deletes a document, and sees no token', async () => {
    const one = await agent('mona')
    try {
      expect(await one.tools()).toEqual([
        'connect_drive',
        'connections',
        'put_file',
        'get_file',
        'list_documents',
        'stat_document',
        'delete_document',
      ])
      const begun = JSON.parse((await one.call('connect_drive', { provider: 'google-drive' })).said)
      const form = new URLSearchParams({ decision: 'approve', account: 'mona@example.com' })
      await fetch(begun.result.authorizationUrl, { method: 'POST', body: form })
      await expect.poll(async () => (await one.call('connections')).said).toContain('"status":"active"')

      const bytes = randomBytes(6_000_000)
      await writeFile(join(folder, 'scan.pdf'), bytes)
      const stored = await one.call('put_file', { path: 'scan.pdf', documentId: 'scan' })
      expect([stored.failed, JSON.parse(stored.said).result.document]).toEqual([
        false,
        expect.objectContaining({
          id: 'scan',
          status: 'stored',
          contentType: 'application/pdf',
          checksum: expect.objectContaining({ verdict: 'verified' }),
        }),
      ])
      expect((await one.call('put_file', { path: 'scan.pdf', documentId: 'scan' })).said).toContain(
        'precondition_failed',
      )
      expect(JSON.parse((await one.call('list_documents', { like: 'sc' })).said).results).toHaveLength(1)
      expect((await one.call('stat_document', { documentId: 'scan' })).said).toContain('"verdict":"verified"')

      expect((await one.call('get_file', { documentId: 'scan' })).failed).toBe(true)
      const got = JSON.parse((await one.call('get_file', { documentId: 'scan', path: 'copy.pdf' })).said)
      expect(got.result).toMatchObject({ documentId: 'scan', bytes: bytes.length })
      expect((await readFile(join(folder, 'copy.pdf'))).equals(bytes)).toBe(true)

      expect((await one.call('delete_document', { documentId: 'sc*' })).failed).toBe(true)
      expect((await one.call('delete_document', { documentId: 'scan' })).said).toContain('"deleted":"scan"')
      expect((await one.call('stat_document', { documentId: 'scan' })).said).toContain('document_not_found')
      // A JWT of the local issuer begins so.
      expect(one.seen.join('\n')).not.toMatch(/eyJ|Bearer/)
      expect(one.seen.join('').length).toBeLessThan(20_000)
    } finally {
      await one.close()
    }
  })

  test('reads and writes in its folder alone', async () => {
    const one = await agent('mona')
    await writeFile(join(home, 'secret.txt'), 'not for agents')
    await symlink(home, join(folder, 'way-out'))
    try {
      for (const path of ['../secret.txt', join(home, 'secret.txt'), 'way-out/secret.txt', 'way-out'])
        expect(await one.call('put_file', { path })).toMatchObject({
          failed: true,
          said: expect.stringContaining('is outside the folder'),
        })
      expect((await one.call('get_file', { documentId: 'scan', path: 'way-out/new.txt' })).said).toContain(
        'is outside the folder',
      )
    } finally {
      await one.close()
    }
  })

  test('that dies in the middle of a file goes on where it was', { timeout: 600_000 }, async () => {
    const size = await makeFile(join(folder, 'film.mp4'), Number(process.env['AGENT_FILE_MIB'] ?? 48))
    const first = await agent('mona')
    const lost = first.call('put_file', { path: 'film.mp4' }).catch(() => undefined)
    const parts = async (): Promise<number> => {
      const url = `${stack.base}/v1/documents/film-mp4/intake`
      const token = await (
        await fetch(`${stack.base}/local/token`, { method: 'POST', body: '{"sub":"mona"}' })
      ).json()
      const headers = { authorization: `Bearer ${(token as { token: string }).token}` }
      const answer = (await (await fetch(url, { headers })).json()) as { upload?: { stored: unknown[] } }
      return answer.upload?.stored.length ?? 0
    }
    await expect.poll(parts, { interval: 20, timeout: 120_000 }).toBeGreaterThan(0)
    process.kill(first.pid, 'SIGKILL')
    await lost
    const second = await agent('mona')
    try {
      const stored = JSON.parse((await second.call('put_file', { path: 'film.mp4' })).said)
      expect(stored.result.document).toMatchObject({
        id: 'film-mp4',
        status: 'stored',
        size,
        checksum: { verdict: 'verified' },
      })
      expect(second.seen.join('').length).toBeLessThan(2_000)
      // It is told how far the file is, which keeps its call from being given up.
      expect(second.progress.length).toBeGreaterThan(0)
      expect(second.progress).toEqual(second.progress.toSorted((a, b) => a - b))
    } finally {
      await second.close()
    }
  })
})

/** Random bytes, a piece at a time; answers how many. */
async function makeFile(path: string, mib: number): Promise<number> {
  const file = await open(path, 'w')
  for (let at = 0; at < mib; at += 16) await file.write(randomBytes(16 * 1024 * 1024))
  await file.close()
  return mib * 1024 * 1024
}
