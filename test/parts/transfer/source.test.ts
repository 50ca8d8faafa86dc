import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../lib/clock.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import { oneDriveDriver } from '../../../lib/providers/onedrive/driver.ts'
import { selfSigned } from '../../../simulators/test/microsoft/self-signed.ts'
import type { OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  connect,
  drop,
  dropKey,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
} from '../../support/intake-world.ts'
import type { Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'

const mebibyte = 1024 * 1024
const account = 'fed@example.com'

/** Ends TLS in front of S3. Cuts reads after the bytes that `cuts` says; `onCut` runs before that is seen. */
async function startBucketFront(target: string) {
  const certificate = selfSigned(['localhost'])
  const cuts: { readonly after: number; readonly onCut?: () => Promise<void> }[] = []
  const reads: string[] = []
  const agent = new Agent({ keepAlive: true })
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const onward = request(new URL(req.url ?? '/', target), {
      method: req.method,
      headers: req.headers,
      agent,
    })
    req.pipe(onward)
    const [answer] = (await once(onward, 'response')) as [IncomingMessage]
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    const isRead = req.method === 'GET' && req.headers.range !== undefined
    if (isRead) reads.push(`${req.headers.range} ${String(answer.statusCode)}`)
    const cut = isRead && answer.statusCode === 206 ? cuts.shift() : undefined
    const closed = new Promise((resolve) => res.once('close', resolve))
    let left = cut?.after ?? Number.MAX_SAFE_INTEGER
    for await (const chunk of answer) {
      const bytes: Buffer = chunk
      if (!res.write(bytes.subarray(0, left))) {
        const { promise, resolve } = Promise.withResolvers<void>()
        res.once('drain', resolve)
        await Promise.race([promise, closed])
      }
      left -= bytes.length
      if (left <= 0 || res.destroyed) break
    }
    if (cut === undefined) {
      res.end()
      return
    }
    answer.destroy()
    await cut.onCut?.()
    req.socket.destroySoon()
  }
  const server = createServer(certificate, (req, res) => {
    handle(req, res).catch(() => req.socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = server.address()
  if (at === null || typeof at === 'string') throw new Error('the front has no port')
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, certificate.cert])
  return {
    origin: `https://127.0.0.1:${String(at.port)}`,
    cuts,
    reads,
    async close() {
      setDefaultCACertificates(trusted)
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

let world: Awaited<ReturnType<typeof startWorld>>
let front: Awaited<ReturnType<typeof startBucketFront>>
let opened: OpenedDeps
beforeAll(async () => {
  world = await startWorld()
  front = await startBucketFront(world.endpoints.s3)
})
afterAll(async () => {
  await front.close()
  await world.close()
})

describe.each([
  ['google-drive', 'google', googleDriveDriver],
  ['onedrive', 'microsoft', oneDriveDriver],
] as const)('a document that is read over TLS, on its way to %s,', (provider, name, open) => {
  let simulator: Simulator
  let count = 0
  beforeAll(async () => {
    simulator = await startSimulator(name)
  })
  afterAll(async () => await simulator.close())
  afterEach(async () => {
    await simulator.clearFaults()
    opened.close()
  })

  const begin = async () => {
    count += 1
    front.cuts.length = 0
    front.reads.length = 0
    const tokens = await simulator.signIn(account)
    opened = openDeps(openClients({ ...world.endpoints, s3: front.origin }), {
      clock: systemClock,
      openDriver: ({ connectionId }) =>
        Promise.resolve(open({ connectionId, tokens, clock: systemClock, endpoint: simulator.origin })),
      publish: () => undefined,
      settings: { streamBytes: 8 * mebibyte },
    })
    const connection = await connect(opened, `${name}-${String(count)}`, provider)
    return { connection, documentId: `doc-${String(count)}` }
  }
  const stored = async (documentId: string) =>
    (await simulator.files(account))
      .filter((file) => file.name.startsWith(documentId) && !file.trashed)
      .map((file) => file.sha256)
  const arrive = async (object: Awaited<ReturnType<typeof drop>>): Promise<number> => {
    for (let deliveries = 1; ; deliveries += 1) {
      const delivery = { messageId: 'm', deadline: Date.now() + 120_000 }
      if ((await ingestObject(opened.deps, object, delivery)).kind === 'done') return deliveries
    }
  }

  test('arrives bit for bit while reads break off and the drive refuses and forgets', async () => {
    const { connection, documentId } = await begin()
    const content = randomBytes(21 * mebibyte + 77)
    const object = await drop(opened, dropKey(address(connection, documentId, '.bin')), content)
    for (const after of [1, 3_000_001, 16_384, 5_111_111]) front.cuts.push({ after })
    const send = { method: 'PUT', path: 'upload' }
    await simulator.fault({ ...send, fragment: 1 }, { type: 'reset', afterBytes: 2_500_000 })
    await simulator.fault({ ...send, fragment: 2 }, { type: 'partial', bytes: 4_000_003 })
    await simulator.fault({ ...send, fragment: 3 }, { type: 'status', status: 503 })
    await arrive(object)
    expect(await simulator.pendingFaults()).toBe(0)
    expect(front.cuts).toEqual([])
    expect(await stored(documentId)).toEqual([sha256(content)])
  })

  test('is read by one request when nothing happens', async () => {
    const { connection, documentId } = await begin()
    const content = randomBytes(13 * mebibyte)
    const object = await drop(opened, dropKey(address(connection, documentId, '.bin')), content)
    expect(await arrive(object)).toBe(1)
    expect(front.reads).toEqual([`bytes=0-${String(content.length - 1)} 206`])
    expect(await stored(documentId)).toEqual([sha256(content)])
  })

  test('is the one that stands in the bucket in the end, when it is replaced between two reads', async () => {
    const { connection, documentId } = await begin()
    const key = dropKey(address(connection, documentId, '.bin'))
    const [first, second] = [randomBytes(15 * mebibyte), randomBytes(15 * mebibyte)]
    const object = await drop(opened, key, first)
    front.cuts.push({ after: 12 * mebibyte, onCut: async () => void (await drop(opened, key, second)) })
    expect(await arrive(object)).toBeGreaterThan(1)
    expect(front.reads[1]).toMatch(/ 412$/)
    expect(await stored(documentId)).toEqual([sha256(second)])
  })
})
