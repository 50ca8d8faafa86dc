import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DownloadOptions } from '../../../client/src/download.ts'
import { drivewayOver } from '../../../client/src/driveway.ts'
import { nodeTransport } from '../../../client/src/transport-node.ts'
import type { Api, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'
import { until } from '../../support/stack-control.ts'

const MiB = 1024 * 1024
const content = randomBytes(25 * MiB)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const providers = ['google-drive', 'onedrive', 's3'] as const
const name = '長い映画.bin'

let stack: LocalStack
let api: Api
const connections = new Map<string, string>()

beforeAll(async () => {
  stack = await startLocalStack()
  api = await apiOf(stack.base, 'lena')
  for (const provider of providers)
    connections.set(provider, await connect(api, provider, 'lena@example.com'))
})
afterAll(async () => await stack.dispose())

async function store(id: string, provider: string, bytes = content): Promise<void> {
  const json = { connectionId: connections.get(provider), contentType: 'video/mp4', name, size: bytes.length }
  const { body } = await api.request<{ upload: { url: string; headers: Record<string, string> } }>(
    'POST',
    `/v1/documents/${id}/intake`,
    { json },
  )
  await fetch(body.upload.url, { method: 'PUT', headers: body.upload.headers, body: bytes })
  await until(
    () => api.request<DocumentAnswer>('GET', `/v1/documents/${id}`),
    (answer) => answer.body.document.status === 'stored',
  )
}

async function linkTo(id: string, json?: unknown): Promise<string> {
  const answer = await api.request<{ url: string; expiresAt: string }>(
    'POST',
    `/v1/documents/${id}/content-link`,
    json === undefined ? {} : { json },
  )
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('expiresAt')])
  return answer.body.url
}

/** When the first byte of a plain GET comes, milliseconds; the rest is not waited for. */
function firstByteMs(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const sent = request(url, (answer) => {
      answer.once('data', () => {
        resolve(performance.now() - begun)
        sent.destroy()
      })
    })
    sent.once('error', reject)
    sent.end()
  })
}

describe.each(sampleOf(providers, 2))('a content link, on %s', (provider) => {
  const id = `film-${provider}`

  it('gives any page the whole document and its parts, without a header', async () => {
    await store(id, provider)
    const url = await linkTo(id)
    const whole = await fetch(url)
    expect(whole.headers.get('content-disposition')).toContain(encodeURIComponent(name))
    expect([whole.status, sha256(new Uint8Array(await whole.arrayBuffer()))]).toEqual([200, sha256(content)])
    const first = await fetch(url, { redirect: 'manual', headers: { origin: 'https://page.example' } })
    expect(first.headers.get('access-control-allow-origin')).toBe('*')
    await first.body?.cancel()
    for (const [from, to] of [
      [0, 0],
      [7, 15 * MiB],
      [24 * MiB, 25 * MiB - 1],
    ] as const) {
      const part = await fetch(url, { headers: { range: `bytes=${from}-${to}` } })
      expect([part.status, part.headers.get('content-range')]).toEqual([
        206,
        `bytes ${from}-${to}/${25 * MiB}`,
      ])
      expect(sha256(new Uint8Array(await part.arrayBuffer()))).toBe(sha256(content.subarray(from, to + 1)))
    }
    const head = await fetch(url, { method: 'HEAD', redirect: 'manual' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(25 * MiB)])
    expect(head.headers.get('content-disposition')).toContain(encodeURIComponent(name))
  })

  it.each([true, false])(
    'is not needed by the client, which reads it all the same (in pieces: %s)',
    async (inPieces) => {
      const asked: string[] = []
      const counted: typeof fetch = async (input, init) => {
        const answer = await fetch(input, init)
        asked.push(new URL(answer.url).pathname)
        return answer
      }
      const transport = { ...nodeTransport, readsInPieces: inPieces }
      const token = () => Promise.resolve(api.token)
      const driveway = drivewayOver(transport, { baseUrl: stack.base, token, fetch: counted })
      const read = async (range?: DownloadOptions['range']) => {
        const { body, size, fileName } = await driveway.download(id, { range })
        const bytes = Buffer.from(await new Response(body).arrayBuffer())
        // OneDrive's own URL, which the client is sent to where it can follow, has the drive's name.
        const isElsewhere = !inPieces && provider === 'onedrive' && bytes.length > 10 * MiB
        expect([size, isElsewhere || fileName]).toEqual([bytes.length, isElsewhere || name])
        return sha256(bytes)
      }
      expect(await read()).toBe(sha256(content))
      // A page asks nobody but the API; Google Drive's own link is slower than its pieces.
      if (inPieces || provider === 'google-drive')
        expect(asked.slice(-3)).toEqual(Array.from({ length: 3 }, () => `/v1/documents/${id}/content`))
      expect(await read({ first: 5, last: 22 * MiB })).toBe(sha256(content.subarray(5, 22 * MiB + 1)))
      expect(await read({ first: 12 * MiB })).toBe(sha256(content.subarray(12 * MiB)))
      expect(await read({ suffix: 11 * MiB })).toBe(sha256(content.subarray(-11 * MiB)))
      expect(await read({ suffix: 3 })).toBe(sha256(content.subarray(-3)))
    },
  )

  it('ends with the version that it was made for, and with the document', async () => {
    const url = await linkTo(id)
    await api.request('PUT', `/v1/documents/${id}`, { bytes: Buffer.from('a new version') })
    expect((await fetch(url)).status).toBe(404)
    const newer = await linkTo(id)
    expect(await (await fetch(newer)).text()).toBe('a new version')
    await api.request('DELETE', `/v1/documents/${id}`)
    const ended = await fetch(newer)
    expect([ended.status, ((await ended.json()) as Problem).code]).toEqual([404, 'document_not_found'])
  })
})

describe('a content link', () => {
  it('or a client that reads in pieces, gives an empty document, too', async () => {
    const path = `/v1/documents/empty?connectionId=${connections.get('onedrive')}`
    await api.request('PUT', path, { bytes: Buffer.alloc(0) })
    expect((await (await fetch(await linkTo('empty'))).arrayBuffer()).byteLength).toBe(0)
    const token = () => Promise.resolve(api.token)
    const driveway = drivewayOver({ ...nodeTransport, readsInPieces: true }, { baseUrl: stack.base, token })
    const { body, size } = await driveway.download('empty')
    expect([size, (await new Response(body).arrayBuffer()).byteLength]).toEqual([0, 0])
  })

  it('gives its first byte within a second from a drive of 5 MB/s', async () => {
    await store('slow', 'google-drive')
    const pace = (bytesPerSecond: number) =>
      fetch(`${stack.at(1)}/_sim/latency`, { method: 'POST', body: JSON.stringify({ bytesPerSecond }) })
    expect((await pace(5e6)).ok).toBe(true)
    const url = await linkTo('slow')
    const ms = await firstByteMs(url)
    const direct = await firstByteMs(url)
    await pace(0)
    // The same way twice: the second has everything warm.
    expect(Math.min(ms, direct)).toBeLessThan(1_000)
  })

  it('is refused for what is not there, and one that is not ours opens nothing', async () => {
    const missing = await api.request<Problem>('POST', '/v1/documents/nothing/content-link')
    expect([missing.status, missing.body.code]).toEqual([404, 'document_not_found'])
    const stranger = await apiOf(stack.base, 'stranger')
    expect((await stranger.request('POST', '/v1/documents/slow/content-link')).status).toBe(404)
    for (const minutes of [0, 61])
      expect(
        (
          await api.request('POST', '/v1/documents/slow/content-link', {
            json: { expiresInMinutes: minutes },
          })
        ).status,
      ).toBe(400)
    const url = await linkTo('slow')
    for (const altered of [`${url.slice(0, -4)}AAAA`, `${stack.base}/v1/content?link=v1.k1.x.y`])
      expect((await fetch(altered)).status).toBe(404)
  })

  it('ends when its connection is given up', async () => {
    const url = await linkTo('slow')
    await api.request('DELETE', `/v1/connections/${connections.get('google-drive')}`)
    expect((await fetch(url)).status).toBe(404)
  })
})
