import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { drivewayOver } from '../../../client/src/driveway.ts'
import { fileSource } from '../../../client/src/node.ts'
import { nodeTransport } from '../../../client/src/transport-node.ts'
import type { Transport } from '../../../client/src/transport.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { Api } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { cleanEnvironment, runCli } from '../cli/run-cli.ts'

const MiB = 1024 * 1024
const content = randomBytes(44 * MiB + 1)
const sha256 = createHash('sha256').update(content).digest('hex')

let stack: LocalStack
let api: Api
let folder: string
let file: string

beforeAll(async () => {
  stack = await startLocalStack()
  api = await apiOf(stack.base, 'rita')
  await connect(api, 'google-drive', 'rita@example.com')
  folder = await mkdtemp(join(tmpdir(), 'driveway-resume-'))
  file = join(folder, 'large.bin')
  await writeFile(file, content)
})
afterAll(async () => {
  await stack.dispose()
  await rm(folder, { recursive: true })
})

/** A client as a new process has it, and the bytes that it has sent to the bucket. */
function client(afterPart: (parts: number) => void = () => undefined) {
  let bytes = 0
  let parts = 0
  const counting: Transport = {
    ...nodeTransport,
    async put(url, request) {
      const answer = await nodeTransport.put(url, request)
      bytes += request.source.size
      afterPart((parts += 1))
      return answer
    },
  }
  const driveway = drivewayOver(counting, { baseUrl: stack.base, token: () => Promise.resolve(api.token) })
  return { driveway, sent: () => bytes }
}
const readBack = async (id: string) => {
  const { bytes } = await api.request('GET', `/v1/documents/${id}/content`)
  return createHash('sha256').update(bytes).digest('hex')
}

it('goes on where a stopped upload was, sends no stored part again, and leaves what stood readable', async () => {
  await api.request('PUT', '/v1/documents/video', { bytes: Buffer.from('the version before') })
  const stop = new AbortController()
  const first = client((parts) => {
    if (parts === 3) stop.abort()
  })
  const options = { documentId: 'video', resumable: true } as const
  const stopped = first.driveway.upload(await fileSource(file), { ...options, signal: stop.signal })
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
  const left = await first.driveway.documents.openUpload('video')
  expect(left.upload.stored.length).toBeGreaterThanOrEqual(3)
  expect(await readBack('video')).toBe(createHash('sha256').update('the version before').digest('hex'))

  const second = client()
  const stored = await second.driveway.upload(await fileSource(file), options)
  expect(stored).toMatchObject({ status: 'stored', checksum: { verdict: 'verified' } })
  const known = left.upload.stored.reduce((sum, { size }) => sum + size, 0)
  expect(second.sent()).toBe(content.length - known)
  expect(await readBack('video')).toBe(sha256)
})

it('begins anew with other bytes, and where it may not be left open takes it back', async () => {
  const stop = new AbortController()
  const first = client((parts) => {
    if (parts === 2) stop.abort()
  })
  const options = { documentId: 'other', resumable: true, ifExists: 'fail' } as const
  const stopped = first.driveway.upload(await fileSource(file), { ...options, signal: stop.signal })
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
  const changed = Buffer.from(content)
  changed[0] = (changed[0] ?? 0) ^ 1
  const second = client()
  const stored = await second.driveway.upload(new Blob([changed]), options)
  expect([stored.status, second.sent()]).toEqual(['stored', changed.length])
  expect(await readBack('other')).toBe(createHash('sha256').update(changed).digest('hex'))

  const again = new AbortController()
  const third = client()
  const replaced = third.driveway.upload(await fileSource(file), {
    documentId: 'other',
    signal: again.signal,
    onProgress: ({ bytesSent }) => bytesSent > MiB && again.abort(),
  })
  await expect(replaced).rejects.toMatchObject({ name: 'AbortError' })
  // The version that stood is not the upload's to delete.
  expect(await third.driveway.documents.stat('other')).toMatchObject({
    status: 'stored',
    size: changed.length,
  })
})

it('a URL that has ended is signed again, and parts that vanish are sent again', async () => {
  let refused = 0
  let lost = 0
  const faulty: Transport = {
    ...nodeTransport,
    async put(url, request) {
      const number = new URL(url).searchParams.get('partNumber')
      if (number === '2' && (refused += 1) === 1) return await nodeTransport.put(`${url}0`, request)
      // The answer says that it is there, and it is not.
      if (number === '4' && (lost += 1) === 1) return { status: 200, headers: new Headers(), text: '' }
      return await nodeTransport.put(url, request)
    },
  }
  const driveway = drivewayOver(faulty, { baseUrl: stack.base, token: () => Promise.resolve(api.token) })
  const stored = await driveway.upload(await fileSource(file), { documentId: 'faulty', resumable: true })
  expect([stored.status, refused, lost]).toEqual(['stored', 2, 2])
  expect(await readBack('faulty')).toBe(sha256)
})

it('Ctrl-C on the command line, and the same command again', async () => {
  const put = (onStart?: (interrupt: () => void) => void) =>
    runCli(['put', 'large.bin'], {
      cwd: folder,
      env: cleanEnvironment(join(folder, '.config'), { DRIVEWAY_URL: stack.base, DRIVEWAY_USER: 'rita' }),
      ...(onStart ? { onStart } : {}),
    })
  const { driveway } = client()
  const some = async () =>
    (await driveway.documents.openUpload('large-bin').catch(() => undefined))?.upload.stored
  const running = Promise.withResolvers<() => void>()
  const interrupted = put(running.resolve)
  const interrupt = await running.promise
  await expect
    .poll(async () => (await some())?.length ?? 0, { timeout: 60_000, interval: 20 })
    .toBeGreaterThan(0)
  interrupt()
  const ended = await interrupted
  expect([ended.code, ended.stderr]).toEqual([130, expect.stringContaining('The same command goes on')])
  const left = (await some()) ?? []
  expect(left.length).toBeGreaterThan(0)
  const again = await put()
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('verified')])
  expect(await readBack('large-bin')).toBe(sha256)
})
