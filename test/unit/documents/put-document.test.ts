import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { DocumentDeps } from '../../../lib/documents/deps.ts'
import { putDocument } from '../../../lib/documents/put-document.ts'
import type { ServiceError } from '../../../lib/errors.ts'
import { retrying } from '../../../lib/net/retry.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import { oneDriveDriver } from '../../../lib/providers/onedrive/driver.ts'
import type { Driver, ObjectEntry } from '../../../lib/storage/driver.ts'
import { startHash } from '../../support/hashes.ts'
import type { Clients, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  connect,
  movableClock,
  must,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
} from '../../support/intake-world.ts'
import type { FaultMatch, Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'
import { where } from '../../support/where.ts'

const drives = {
  'google-drive': { simulator: 'google', open: googleDriveDriver, write: { path: '^/upload/' } },
  onedrive: { simulator: 'microsoft', open: oneDriveDriver, write: { method: 'PUT' } },
} as const satisfies Record<string, { simulator: string; open: unknown; write: FaultMatch }>

let world: Awaited<ReturnType<typeof startWorld>>
let clients: Clients
beforeAll(async () => {
  world = await startWorld()
  clients = openClients(world.endpoints)
})
afterAll(async () => {
  clients.close()
  await world.close()
})

describe.each(['google-drive', 'onedrive'] as const)('an inline document on %s', (provider) => {
  const drive = drives[provider]
  const clock = movableClock()
  let simulator: Simulator
  let opened: OpenedDeps
  let connection: Connection
  let driver: Driver
  let deps: DocumentDeps
  let counter = 0

  beforeAll(async () => {
    simulator = await startSimulator(drive.simulator)
  })
  afterAll(() => simulator.close())
  beforeEach(async () => {
    counter += 1
    opened = openDeps(clients, {
      clock,
      openDriver: () => Promise.resolve(driver),
      publish: () => undefined,
    })
    connection = await connect(opened, `inline-${String(counter)}-${drive.simulator}`, provider)
    const tokens = await simulator.signIn(account())
    driver = drive.open({ connectionId: connection.connectionId, tokens, clock, endpoint: simulator.origin })
    deps = {
      documents: opened.deps.documents,
      connections: opened.connections,
      openDriver: () => Promise.resolve(driver),
      startHash,
      retry: (run, signal) => retrying(run, { clock, signal }),
      cancelTransfer: () => Promise.resolve(),
      awaitUpload: () => Promise.reject(new Error('nothing is awaited here')),
      stageDownload: () => Promise.reject(new Error('nothing is staged here')),
      now: () => clock.now(),
    }
  })
  afterEach(async () => {
    if ((await simulator.pendingFaults()) > 0) throw new Error('A fault was not met.')
  })

  const account = (): string => `person${String(counter)}@contoso.example`
  const put = async (bytes: Buffer, extension = '.bin') => {
    const { documentId, extension: parsed } = address(connection, 'doc', extension)
    return await putDocument(deps, {
      userId: connection.userId,
      userKey: connection.userKey,
      documentId,
      connectionId: connection.connectionId,
      extension: parsed,
      contentType: 'application/octet-stream',
      bytes,
      contentDigest: undefined,
      onlyCreate: false,
      signal: new AbortController().signal,
    })
  }
  const failure = async (work: Promise<unknown>): Promise<ServiceError> =>
    await work.then(
      () => {
        throw new Error('it was stored')
      },
      (error: ServiceError) => error,
    )
  const row = async () =>
    await opened.deps.documents.getDocument(connection, address(connection, 'doc').documentId)
  const files = async () =>
    (await simulator.files(account())).filter((file) => !file.trashed).map((file) => [file.id, file.sha256])
  /** The drive, with what it says of a finished file changed. */
  const saying = (said: (entry: ObjectEntry) => ObjectEntry | Promise<ObjectEntry>): void => {
    const real = driver
    const { sessions = expect.unreachable() } = real
    driver = {
      ...real,
      write: async (...args) => said(await real.write(...args)),
      stat: async (...args) => said(await real.stat(...args)),
      sessions: {
        ...sessions,
        async send(...args) {
          const progress = await sessions.send(...args)
          return progress.state === 'done' ? { ...progress, entry: await said(progress.entry) } : progress
        },
      },
    }
  }

  test('damaged on its way leaves nothing at the drive, and says why', async () => {
    await simulator.fault(drive.write, { type: 'corrupt' })
    const error = await failure(put(randomBytes(1000)))
    expect(error.code).toBe('digest_mismatch')
    expect(await files()).toEqual([])
    const failed = must(await row())
    expect(failed).toMatchObject({ status: 'failed', error: { code: error.code, detail: error.detail } })
    expect([failed.objectKey, failed.objectExists, failed.checksum]).toEqual([
      undefined,
      undefined,
      undefined,
    ])

    const bytes = randomBytes(1200)
    expect((await put(bytes)).created).toBe(true)
    expect((await files()).map(([, hash]) => hash)).toEqual([sha256(bytes)])
    expect(await row()).toMatchObject({ status: 'stored', size: 1200, checksum: { verdict: 'verified' } })
  })

  test('damaged in place of an earlier one removes nothing', async () => {
    const first = await put(randomBytes(900))
    await simulator.fault(drive.write, { type: 'corrupt' })
    const error = await failure(put(randomBytes(1000)))
    expect(error.code).toBe('provider_error')
    expect((await files()).map(([id]) => id)).toEqual([first.row.objectKey])
    expect(await row()).toMatchObject({
      status: 'failed',
      objectKey: first.row.objectKey,
      objectExists: true,
      error: { code: 'provider_error', detail: expect.stringContaining('earlier version') },
      checksum: { verdict: 'mismatch' },
    })
    const bytes = randomBytes(1000)
    expect((await put(bytes)).row).toMatchObject({ status: 'stored', objectKey: first.row.objectKey })
    expect((await row())?.error).toBeUndefined()
    expect(await files()).toEqual([[first.row.objectKey, sha256(bytes)]])
  })

  test('another request’s document is not removed by a damaged one', async () => {
    const theirs = randomBytes(700)
    await simulator.fault(drive.write, { type: 'corrupt' })
    const real = driver
    saying(async (entry) => {
      driver = real
      await put(theirs)
      return entry
    })
    expect((await failure(put(randomBytes(1000)))).code).toBe('digest_mismatch')
    expect((await files()).map(([, hash]) => hash)).toEqual([sha256(theirs)])
    expect(await row()).toMatchObject({ status: 'stored', size: 700, checksum: { verdict: 'verified' } })
  })

  test('is stored without proof while its hash has not come', async () => {
    saying((entry) => ({ ...entry, checksums: {} }))
    expect((await put(randomBytes(800))).row).toMatchObject({ status: 'stored', size: 800 })
    expect((await row())?.checksum).toBeUndefined()
  })

  test('is stored when it is empty', async () => {
    expect((await put(Buffer.alloc(0))).row).toMatchObject({ status: 'stored', size: 0 })
    expect(await files()).toHaveLength(1)
  })

  where(provider === 'onedrive', () => {
    test.each(['.docx', '.pdf', '.HTML'])(
      'rewritten by a work account is stored as %s, new and again',
      async (kind) => {
        for (const size of [1000, 1100]) {
          await simulator.fault(drive.write, { type: 'rewrite', add: 11 })
          expect((await put(randomBytes(size), kind)).row).toMatchObject({
            status: 'stored',
            size: size + 11,
            checksum: { verdict: 'provider_transformed' },
          })
          expect(await files()).toHaveLength(1)
        }
      },
    )
  })

  test('keeps its file under another extension, and the file gets the name that goes with it', async () => {
    const first = await put(randomBytes(900), '.txt')
    const bytes = randomBytes(1000)
    const second = await put(bytes, '.csv')
    expect(second.row).toMatchObject({ objectKey: first.row.objectKey, extension: '.csv' })
    expect(await files()).toEqual([[first.row.objectKey, sha256(bytes)]])
    const [file] = (await simulator.files(account())).filter(({ path }) => path.includes('doc'))
    expect(file?.name).toBe('doc.csv')
  })

  test('takes the next name where the user has a file of that name', async () => {
    const [theirs, ours] = [randomBytes(500), randomBytes(600)]
    const other = await put(theirs)
    must(await opened.deps.documents.deleteDocument(other.row))
    expect((await put(ours)).created).toBe(true)
    const hashes = new Set((await files()).map(([, hash]) => hash))
    expect(hashes).toEqual(new Set([sha256(theirs), sha256(ours)]))
  })

  test('whose answer was lost is the same file when it is put again', async () => {
    const bytes = randomBytes(500)
    const first = await put(bytes)
    must(await opened.deps.documents.deleteDocument(first.row))
    const again = await put(bytes)
    expect(again.row.objectKey === first.row.objectKey).toBe(provider === 'onedrive')
  })
})
