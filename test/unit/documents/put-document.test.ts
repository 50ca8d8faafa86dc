import { DeleteCommand } from '../../../lib/aws/dynamo.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { DocumentDeps } from '../../../lib/documents/deps.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import { putDocument } from '../../../lib/documents/put-document.ts'
import type { ServiceError } from '../../../lib/errors.ts'
import { retrying } from '../../../lib/net/retry.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import { oneDriveDriver } from '../../../lib/providers/onedrive/driver.ts'
import type { Driver, ObjectEntry } from '../../../lib/storage/driver.ts'
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
      ...opened.deps,
      connections: opened.connections,
      retry: (run, signal) => retrying(run, { clock, signal }),
      publicUrl: () => 'https://api.example.com',
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
  const row = async () => await opened.deps.documents.get(address(connection, 'doc'))
  const view = async () => presentDocument(must(await row()))
  const damage = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time += 1) await simulator.fault(drive.write, { type: 'corrupt' })
  }
  /** The row is lost, as it is when the answer of its write never came; the file stays. */
  const forget = async (): Promise<void> => {
    const { userKey, documentId } = address(connection, 'doc')
    await clients.dynamo.send(new DeleteCommand({ TableName: 'documents', Key: { userKey, documentId } }))
  }
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

  test.each([1, 2])('damaged %i times on its way is sent again and stored', async (times) => {
    await damage(times)
    const bytes = randomBytes(1000)
    expect((await put(bytes)).created).toBe(true)
    expect((await files()).map(([, hash]) => hash)).toEqual([sha256(bytes)])
    expect(await view()).toMatchObject({ status: 'stored', checksum: { verdict: 'verified' } })
  })

  test('damaged each time leaves nothing at the drive, and says why', async () => {
    await damage(3)
    const error = await failure(put(randomBytes(1000)))
    expect(error.code).toBe('digest_mismatch')
    expect(await files()).toEqual([])
    const failed = await view()
    expect(failed).toMatchObject({ status: 'failed', error: { code: error.code, detail: error.detail } })
    expect([failed.objectKey, failed.etag, failed.checksum]).toEqual([undefined, undefined, undefined])
    expect((await row())?.remove).toEqual({})

    const bytes = randomBytes(1200)
    expect((await put(bytes)).created).toBe(true)
    expect((await files()).map(([, hash]) => hash)).toEqual([sha256(bytes)])
    expect(await view()).toMatchObject({ status: 'stored', size: 1200, checksum: { verdict: 'verified' } })
  })

  test('damaged in place of an earlier one is sent again, to the same file', async () => {
    const first = await put(randomBytes(900))
    await damage(2)
    const bytes = randomBytes(1000)
    expect((await put(bytes)).row.objectKey).toBe(first.row.objectKey)
    expect(await files()).toEqual([[first.row.objectKey, sha256(bytes)]])
  })

  test('damaged each time in place of an earlier one leaves the earlier one, as it was', async () => {
    const before = randomBytes(900)
    const first = await put(before)
    await damage(3)
    const error = await failure(put(randomBytes(1000)))
    expect(error.code).toBe('provider_error')
    expect(await view()).toMatchObject({
      status: 'failed',
      objectKey: first.row.objectKey,
      error: { code: 'provider_error', detail: expect.stringContaining('earlier version') },
      checksum: presentDocument(first.row).checksum,
    })
    expect(await files()).toEqual([[first.row.objectKey, sha256(before)]])
    const bytes = randomBytes(1000)
    const again = await put(bytes)
    expect([again.created, again.row.objectKey]).toEqual([false, first.row.objectKey])
    expect((await view()).error).toBeUndefined()
    expect(await files()).toEqual([[first.row.objectKey, sha256(bytes)]])
  })

  test('another request’s document is not removed by a damaged one that was taken for dead', async () => {
    const theirs = randomBytes(700)
    await damage(1)
    const real = driver
    saying(async (entry) => {
      driver = real
      clock.advance(opened.deps.settings.requestMs + 1)
      await put(theirs)
      return entry
    })
    expect((await failure(put(randomBytes(1000)))).code).toBe('document_busy')
    expect((await files()).map(([, hash]) => hash)).toEqual([sha256(theirs)])
    expect(await view()).toMatchObject({ status: 'stored', size: 700, checksum: { verdict: 'verified' } })
  })

  test('waits for the one before it, and gives way when that does not end', async () => {
    const real = driver
    let second: ServiceError | undefined
    saying(async (entry) => {
      driver = real
      second = await failure(put(randomBytes(700)))
      return entry
    })
    const bytes = randomBytes(1000)
    expect((await put(bytes)).created).toBe(true)
    expect(second).toMatchObject({ code: 'document_busy', retry: { retryable: true } })
    expect((await files()).map(([, hash]) => hash)).toEqual([sha256(bytes)])
  })

  test('is stored without proof while its hash has not come', async () => {
    saying((entry) => ({ ...entry, checksums: {} }))
    expect(presentDocument((await put(randomBytes(800))).row)).toMatchObject({
      status: 'stored',
      size: 800,
      checksum: { verdict: 'unverified' },
    })
  })

  test('is stored when it is empty', async () => {
    const { row: empty } = await put(Buffer.alloc(0))
    expect(presentDocument(empty)).toMatchObject({ status: 'stored', size: 0 })
    expect(await files()).toHaveLength(1)
  })

  where(provider === 'onedrive', () => {
    test.each(['.docx', '.pdf', '.HTML'])(
      'rewritten by a work account is stored as %s, new and again',
      async (kind) => {
        for (const size of [1000, 1100]) {
          await simulator.fault(drive.write, { type: 'rewrite', add: 11 })
          expect(presentDocument((await put(randomBytes(size), kind)).row)).toMatchObject({
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
    expect(presentDocument(second.row)).toMatchObject({
      objectKey: first.row.objectKey,
      extension: '.csv',
    })
    expect(await files()).toEqual([[first.row.objectKey, sha256(bytes)]])
    const [file] = (await simulator.files(account())).filter(({ path }) => path.includes('doc'))
    expect(file?.name).toBe('doc.csv')
  })

  test('takes the next name where the user has a file of that name', async () => {
    const [theirs, ours] = [randomBytes(500), randomBytes(600)]
    await put(theirs)
    await forget()
    expect((await put(ours)).created).toBe(true)
    const hashes = new Set((await files()).map(([, hash]) => hash))
    expect(hashes).toEqual(new Set([sha256(theirs), sha256(ours)]))
  })

  test('takes the next name also where that file has the very same bytes', async () => {
    const bytes = randomBytes(500)
    const first = await put(bytes)
    await forget()
    const again = await put(bytes)
    expect(again.row.objectKey).not.toBe(first.row.objectKey)
    expect(await files()).toHaveLength(2)
  })

  test('whose answer was lost at the drive is one file', async () => {
    const bytes = randomBytes(500)
    await simulator.fault(drive.write, { type: 'commit-then-reset' })
    expect((await put(bytes)).created).toBe(true)
    expect(await simulator.pendingFaults()).toBe(0)
    expect(await files()).toEqual([[presentDocument((await put(bytes)).row).objectKey, sha256(bytes)]])
  })
})
