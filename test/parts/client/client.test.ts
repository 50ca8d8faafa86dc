import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { generateClient, generatedFile } from '../../../client/generate.ts'
import { createDriveway, fileSource } from '../../../client/src/node.ts'
import type { Driveway, UploadProgress } from '../../../client/src/node.ts'
import type * as generated from '../../../client/src/generated.ts'
import { operations } from '../../../client/src/generated.ts'
import type { ConnectionView, DocumentView, HealthView, ProblemView } from '../../../lib/contract/views.ts'
import { startContractServer } from '../../support/contract-server.ts'
import type { ContractServer } from '../../support/contract-server.ts'

const MiB = 1024 * 1024
let server: ContractServer
let driveway: Driveway
let waits: number[]

beforeEach(async () => {
  server = await startContractServer()
  waits = []
  const wait = (ms: number, signal: AbortSignal | undefined) => {
    signal?.throwIfAborted()
    waits.push(ms)
    return Promise.resolve()
  }
  driveway = createDriveway({ baseUrl: `${server.url}/`, token: () => 'good', retry: { wait } })
})

afterEach(async () => {
  await server.close()
  // Whatever a test did, both sides spoke as the OpenAPI document says.
  if (server.disagreements.length > 0) throw new Error(server.disagreements.join('\n'))
})

/** Without the quotes, brackets and breaks that the formatter chooses. */
const squeeze = (text: string) => text.replaceAll(/[\s,;'"()|]/g, '')
const bytesOf = (id: string) => server.documents.get(id)?.content
const collect = async (body: ReadableStream<Uint8Array>) =>
  Buffer.from(await new Response(body).arrayBuffer())

/** As JSON carries it: a field is there or it is not. */
type Json<T> = T extends object ? { [Key in keyof T]: Json<Exclude<T[Key], undefined>> } : T

describe('types', () => {
  test('the generated module is that of today’s contract', async () => {
    expect(squeeze(await readFile(generatedFile, 'utf8'))).toBe(squeeze(generateClient()))
  })

  test('the client has every operation but those of a browser on its way back, and HEAD', async () => {
    const sources = await Promise.all(
      ['driveway', 'machine-calls', 'upload', 'download'].map((name) =>
        readFile(`client/src/${name}.ts`, 'utf8'),
      ),
    )
    const missing = Object.keys(operations).filter(
      (operation) => !sources.some((source) => source.includes(`'${operation}'`)),
    )
    expect(missing).toEqual([
      'oauthCallback',
      'statDocumentHead',
      'getDocumentHead',
      'openContentLink',
      'openContentLinkHead',
    ])
  })

  test('what the server presents is what the client reads', () => {
    // Checked by the compiler: each assignment fails to type-check when the two drift apart.
    const both = {
      connection: (value: Json<ConnectionView>): generated.Connection => value,
      document: (value: Json<DocumentView>): generated.Document => value,
      health: (value: Json<HealthView>): generated.Health => value,
      problem: (value: Json<ProblemView>): generated.Problem => value,
    }
    expect(Object.keys(both)).toHaveLength(4)
  })
})

describe('operations', () => {
  test('connections are started, completed, listed, checked and ended', async () => {
    const { connection, authorizationUrl } = await driveway.connections.start({
      provider: 'onedrive',
      returnUrl: 'http://127.0.0.1:1/x',
    })
    expect(authorizationUrl).toContain(connection.id)
    expect((await driveway.connections.complete(connection.id, `code-${connection.id}`)).status).toBe(
      'active',
    )
    expect((await driveway.connections.list()).map((entry) => entry.id)).toContain(connection.id)
    expect((await driveway.connections.get(connection.id)).provider).toBe('onedrive')
    expect((await driveway.connections.reauthorize(connection.id)).authorizationUrl).toBeDefined()
    expect((await driveway.connections.health(connection.id)).healthy).toBe(true)
    await driveway.connections.disconnect(connection.id)
    await expect(driveway.connections.get(connection.id)).rejects.toMatchObject({
      code: 'connection_not_found',
      status: 404,
    })
  })

  test('documents are listed page after page', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await driveway.upload(new Blob([id]), { documentId: id })
    const ids: string[] = []
    for await (const document of driveway.documents.all({ limit: 2 })) ids.push(document.id)
    expect(ids).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(server.requests.filter((request) => request === 'GET /v1/documents')).toHaveLength(3)
  })

  test('existence, deletion and the answers that only s3 gives', async () => {
    await driveway.upload(new Blob(['x']), { documentId: 'there' })
    expect(await driveway.documents.exists('there')).toBe(true)
    await expect(driveway.documents.downloadUrl('there')).rejects.toMatchObject({
      code: 'presigned_url_not_supported',
    })
    await expect(driveway.documents.uploadUrl('there', { contentType: 'a/b' })).rejects.toMatchObject({
      status: 501,
    })
    await driveway.documents.delete('there')
    expect(await driveway.documents.exists('there')).toBe(false)
    expect(await driveway.openapi()).toMatchObject({ openapi: '3.1.1' })
  })

  test('a refused token is renewed once, and only once', async () => {
    server.validToken = 'fresh'
    const needs: boolean[] = []
    const renewing = createDriveway({
      baseUrl: server.url,
      token: ({ refresh }) => {
        needs.push(refresh)
        return refresh ? 'fresh' : 'good'
      },
    })
    await renewing.connections.list()
    expect(needs).toEqual([false, true])
    await expect(driveway.connections.list()).rejects.toMatchObject({ code: 'unauthorized' })
  })
})

describe('retries', () => {
  const path = /documents\/doc$/

  beforeEach(async () => {
    await driveway.upload(new Blob(['x']), { documentId: 'doc' })
    server.requests.length = 0
  })

  test('wait as Retry-After says', async () => {
    server.faults.push({
      method: 'GET',
      path,
      action: { type: 'problem', code: 'provider_throttled', headers: { 'retry-after': '7' } },
    })
    await driveway.documents.stat('doc')
    expect(waits).toEqual([7000])
  })

  test('leave a long Retry-After to the caller', async () => {
    server.faults.push({
      method: 'GET',
      path,
      action: { type: 'problem', code: 'provider_unavailable', headers: { 'retry-after': '3600' } },
    })
    await expect(driveway.documents.stat('doc')).rejects.toMatchObject({
      code: 'provider_unavailable',
      retryAfterSeconds: 3600,
    })
    expect(waits).toEqual([])
  })

  test('repeat a read after a broken connection', async () => {
    server.faults.push({ method: 'GET', path, action: { type: 'commit-then-reset' } })
    expect(await driveway.documents.stat('doc')).toMatchObject({ id: 'doc' })
  })

  test('never start a second connection after a broken one', async () => {
    server.faults.push({ method: 'POST', path: /connections/, action: { type: 'commit-then-reset' } })
    await expect(driveway.connections.start({ provider: 'onedrive' })).rejects.toMatchObject({
      code: 'network_error',
    })
    expect(server.requests).toEqual(['POST /v1/connections'])
  })

  test('give up, and never repeat what is wrong in itself', async () => {
    for (let time = 0; time < 9; time += 1)
      server.faults.push({ method: 'GET', path, action: { type: 'status', status: 502, body: '<html>' } })
    await expect(driveway.documents.stat('doc')).rejects.toMatchObject({
      code: 'unexpected_answer',
      status: 502,
    })
    expect(server.requests).toHaveLength(4)
    await expect(driveway.documents.stat('nothing')).rejects.toMatchObject({ code: 'document_not_found' })
    expect(server.requests).toHaveLength(5)
    server.faults.length = 0
    server.faults.push({ method: 'GET', path, action: { type: 'problem', code: 'provider_not_configured' } })
    await expect(driveway.documents.stat('doc')).rejects.toMatchObject({ code: 'provider_not_configured' })
  })
})

describe('upload', () => {
  test('a small file goes in one request, with its digest, type and extension', async () => {
    const content = randomBytes(100_000)
    const seen: UploadProgress[] = []
    const file = new File([content], 'Invoice 7.PDF', { type: 'application/pdf' })
    const document = await driveway.upload(file, {
      documentId: 'invoice',
      onProgress: (progress) => seen.push(progress),
    })
    expect(document).toMatchObject({
      id: 'invoice',
      status: 'stored',
      extension: '.PDF',
      contentType: 'application/pdf',
    })
    expect(bytesOf('invoice')?.equals(content)).toBe(true)
    expect(server.requests).toEqual(['PUT /v1/documents/invoice'])
    expect(seen.at(-1)).toEqual({
      phase: 'stored',
      bytesTotal: 100_000,
      bytesSent: 100_000,
      bytesStored: 100_000,
      fraction: 1,
    })
  })

  test('an empty file is a file', async () => {
    expect(await driveway.upload(new Blob([]))).toMatchObject({ size: 0, status: 'stored' })
  })

  test('a large file goes through the intake, and both legs show', async () => {
    const content = randomBytes(9 * MiB)
    const seen: UploadProgress[] = []
    const document = await driveway.upload(new Blob([content]), {
      documentId: 'large',
      onProgress: (progress) => seen.push(progress),
    })
    expect(document).toMatchObject({ status: 'stored', size: 9 * MiB })
    expect(bytesOf('large')?.equals(content)).toBe(true)
    expect(new Set(seen.map((progress) => progress.phase))).toEqual(
      new Set(['preparing', 'sending', 'storing', 'stored']),
    )
    const fractions = seen.map((progress) => progress.fraction)
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
    expect(
      seen.some(
        (progress) => progress.phase === 'sending' && progress.bytesSent > 0 && progress.bytesSent < 9 * MiB,
      ),
    ).toBe(true)
    expect(
      seen.some(
        (progress) =>
          progress.phase === 'storing' && progress.bytesStored > 0 && progress.bytesStored < 9 * MiB,
      ),
    ).toBe(true)
  })

  test('a file on disk is streamed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'driveway-client-'))
    try {
      const path = join(folder, 'scan.tiff')
      const content = randomBytes(5 * MiB)
      await writeFile(path, content)
      const document = await driveway.upload(await fileSource(path, { type: 'image/tiff' }))
      expect(document).toMatchObject({ extension: '.tiff', contentType: 'image/tiff', size: 5 * MiB })
      expect(bytesOf(document.id)?.equals(content)).toBe(true)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('a network that is cut in the middle is overcome', async () => {
    server.faults.push({ method: 'PUT', path: /bucket/, action: { type: 'reset', afterBytes: 2 * MiB } })
    await driveway.upload(new Blob([randomBytes(6 * MiB)]), { documentId: 'cut' })
    expect(server.requests.filter((request) => request === 'PUT /bucket/intake/cut')).toHaveLength(2)
  })

  test('an answer that is lost after the bytes arrived does not send them again', async () => {
    server.faults.push({ method: 'PUT', path: /bucket/, action: { type: 'commit-then-reset' } })
    await driveway.upload(new Blob([randomBytes(6 * MiB)]), { documentId: 'lost' })
    expect(server.requests.filter((request) => request === 'PUT /bucket/intake/lost')).toHaveLength(1)
  })

  test('an expired upload URL is replaced by a new one', async () => {
    server.faults.push({ method: 'PUT', path: /bucket/, action: { type: 'status', status: 403 } })
    expect(await driveway.upload(new Blob([randomBytes(5 * MiB)]), { documentId: 'late' })).toMatchObject({
      status: 'stored',
    })
    expect(server.requests.filter((request) => request === 'POST /v1/documents/late/intake')).toHaveLength(2)
  })

  test.each([
    ['failed', 'provider_quota_exceeded'],
    ['parked', 'connection_requires_reauth'],
    ['mismatch', 'digest_mismatch'],
    ['stuck', 'stalled'],
  ] as const)('a transfer that ends %s is the error %s, with the document', async (outcome, code) => {
    server.outcome = outcome
    const upload = driveway.upload(new Blob([randomBytes(5 * MiB)]), { documentId: 'unlucky' })
    await expect(upload).rejects.toMatchObject({ code, document: { id: 'unlucky' } })
  })

  test('a deployment with a lower limit than ours gets the intake', async () => {
    server.faults.push({ method: 'PUT', path: /v1/, action: { type: 'problem', code: 'payload_too_large' } })
    expect(await driveway.upload(new Blob(['small']), { documentId: 'small' })).toMatchObject({
      status: 'stored',
    })
    expect(server.requests).toContain('PUT /bucket/intake/small')
  })

  test.each([10, 5 * MiB])('ifExists: fail leaves what is there alone (%i bytes)', async (size) => {
    await driveway.upload(new Blob(['first']), { documentId: 'taken' })
    const second = driveway.upload(new Blob([randomBytes(size)]), { documentId: 'taken', ifExists: 'fail' })
    await expect(second).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(bytesOf('taken')?.toString()).toBe('first')
  })

  test('cancelling stops the bytes and deletes what was begun', async () => {
    const cancel = new AbortController()
    const upload = driveway.upload(new Blob([randomBytes(8 * MiB)]), {
      documentId: 'cancelled',
      signal: cancel.signal,
      onProgress: ({ phase, bytesSent }) => {
        if (phase === 'sending' && bytesSent > 0) cancel.abort()
      },
    })
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' })
    expect(server.requests).toContain('DELETE /v1/documents/cancelled')
    expect(server.documents.has('cancelled')).toBe(false)
  })

  test('cancelling an inline replacement never deletes the version before it', async () => {
    await driveway.upload(new Blob(['first']), { documentId: 'kept' })
    const cancel = new AbortController()
    server.faults.push({ method: 'PUT', path: /kept/, action: { type: 'hang' } })
    const upload = driveway.upload(new Blob(['second']), {
      documentId: 'kept',
      signal: cancel.signal,
      onProgress: ({ bytesSent }) => {
        if (bytesSent > 0) cancel.abort()
      },
    })
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' })
    expect(bytesOf('kept')?.toString()).toBe('first')
  })
})

describe('download', () => {
  const content = randomBytes(3 * MiB)

  beforeEach(async () => {
    await driveway.upload(new Blob([content], { type: 'application/pdf' }), {
      documentId: 'doc',
      extension: '.pdf',
    })
    server.requests.length = 0
  })

  test('streams the whole document and tells what it is', async () => {
    const download = await driveway.download('doc')
    expect(download).toMatchObject({
      size: 3 * MiB,
      contentType: 'application/pdf',
      fileName: 'doc.pdf',
      etag: '"1"',
    })
    expect((await collect(download.body)).equals(content)).toBe(true)
  })

  test.each([
    [{ first: 10, last: 19 }, 10, 20],
    [{ first: 3 * MiB - 5 }, 3 * MiB - 5, 3 * MiB],
    [{ suffix: 7 }, 3 * MiB - 7, 3 * MiB],
  ])('gives the range %o', async (range, from, to) => {
    const download = await driveway.download('doc', { range })
    expect(download.size).toBe(to - from)
    expect((await collect(download.body)).equals(content.subarray(from, to))).toBe(true)
  })

  test.each([
    ['the whole', undefined],
    ['a range', { first: 1000, last: 2 * MiB }],
    ['a suffix', { suffix: 2 * MiB }],
  ])('resumes %s where it broke, as often as it breaks', async (_what, range) => {
    for (const afterBytes of [700_000, 300_000, 1]) {
      server.faults.push({ method: 'GET', path: /content/, action: { type: 'cut', afterBytes } })
    }
    const whole =
      range === undefined
        ? content
        : 'suffix' in range
          ? content.subarray(-range.suffix)
          : content.subarray(range.first, range.last + 1)
    const received: number[] = []
    const download = await driveway.download('doc', {
      range,
      onProgress: ({ bytesReceived }) => received.push(bytesReceived),
    })
    expect((await collect(download.body)).equals(whole)).toBe(true)
    expect(received.at(-1)).toBe(whole.length)
    expect(server.requests.filter((request) => request.includes('content'))).toHaveLength(4)
  })

  test('follows the 303 and resumes at the place that it named', async () => {
    server.maxStreamedBytes = 1000
    server.faults.push({ method: 'GET', path: /staged/, action: { type: 'cut', afterBytes: 1_000_000 } })
    const download = await driveway.download('doc')
    expect((await collect(download.body)).equals(content)).toBe(true)
    expect(server.requests).toEqual(['GET /v1/documents/doc/content', 'GET /staged/doc', 'GET /staged/doc'])
  })

  test('asks the API again when the place has expired', async () => {
    server.maxStreamedBytes = 1000
    server.faults.push({ method: 'GET', path: /staged/, action: { type: 'cut', afterBytes: 1_000_000 } })
    server.faults.push({ method: 'GET', path: /staged/, action: { type: 'status', status: 403 } })
    expect((await collect((await driveway.download('doc')).body)).equals(content)).toBe(true)
  })

  test('never mixes two versions', async () => {
    server.faults.push({ method: 'GET', path: /content/, action: { type: 'cut', afterBytes: 1_000_000 } })
    const { body } = await driveway.download('doc')
    await driveway.upload(new Blob([randomBytes(3 * MiB)]), { documentId: 'doc' })
    await expect(collect(body)).rejects.toMatchObject({ code: 'download_changed' })
  })

  test('gives up when it does not get a byte further', async () => {
    for (let time = 0; time < 40; time += 1)
      server.faults.push({ method: 'GET', path: /content/, action: { type: 'cut', afterBytes: 0 } })
    await expect(driveway.download('doc').then(({ body }) => collect(body))).rejects.toBeDefined()
  })

  test('stops when the reader leaves or the signal aborts', async () => {
    const left = await driveway.download('doc')
    await left.body.cancel()
    const cancel = new AbortController()
    const { body } = await driveway.download('doc', { signal: cancel.signal })
    cancel.abort()
    await expect(collect(body)).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('a document that is not there, not stored or too short is its typed error', async () => {
    await expect(driveway.download('nothing')).rejects.toMatchObject({ code: 'document_not_found' })
    await expect(driveway.download('doc', { range: { first: 9 * MiB } })).rejects.toMatchObject({
      code: 'range_not_satisfiable',
      status: 416,
    })
  })
})
