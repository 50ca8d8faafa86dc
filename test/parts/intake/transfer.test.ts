import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { deleteDocument } from '../../../lib/documents/delete-document.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import type { CreatedObject } from '../../../lib/queue/object-created.ts'
import { parseRowMessage } from '../../../lib/queue/row-message.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import { oneDriveDriver } from '../../../lib/providers/onedrive/driver.ts'
import type { Driver, ObjectEntry } from '../../../lib/storage/driver.ts'
import type { HallSettings } from '../../../lib/transfer/hall.ts'
import { sweep } from '../../../lib/transfer/sweep.ts'
import { walkMessage } from '../../../lib/queue/row-message.ts'
import type { DocumentEvents } from '../../support/document-events.ts'
import { documentEvents } from '../../support/document-events.ts'
import type { Clients, MovableClock, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  bucketKeys,
  connect,
  deliverMessage,
  documentDeps,
  drop,
  dropInParts,
  dropKey,
  movableClock,
  messageOf,
  must,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
  takeMessages,
} from '../../support/intake-world.ts'
import { sampleOf } from '../../support/sample.ts'
import type { FaultAction, FaultMatch, Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'
import { where } from '../../support/where.ts'

const KiB = 1024
const attemptMs = 60_000
const account = 'alice@example.com'

const drives = {
  'google-drive': {
    simulator: 'google',
    open: googleDriveDriver,
    begin: { method: 'POST', path: 'uploadType=resumable' },
    send: { method: 'PUT', path: 'upload_id=' },
    small: { method: 'POST', path: 'uploadType=multipart' },
    empty: { method: 'POST', path: 'uploadType=multipart' },
    /** Smaller than in earnest, so that many cases run quickly. */
    fragment: 256 * KiB,
    ownSteps: [['one long request', { method: 'PUT', path: 'upload_id=' }, { streamBytes: 10_240 * KiB }]],
    quota: { status: 403, reason: 'storageQuotaExceeded' },
    mended: [
      { status: 403, reason: 'accessNotConfigured' },
      { status: 403, reason: 'dailyLimitExceeded' },
      { status: 403, reason: 'domainPolicy' },
    ],
    passing: [{ status: 401 }, { status: 403, reason: 'userRateLimitExceeded' }],
    crowded: { status: 403, reason: 'numChildrenInNonRootLimitExceeded' },
    callsForSmall: 2,
  },
  onedrive: {
    simulator: 'microsoft',
    open: oneDriveDriver,
    begin: { method: 'POST', path: 'createUploadSession' },
    send: { method: 'PUT', path: 'upload' },
    small: { method: 'PUT', path: 'upload' },
    empty: { method: 'PUT', path: '/content' },
    fragment: 320 * KiB,
    ownSteps: [],
    quota: { status: 507, reason: 'quotaLimitReached' },
    mended: [{ status: 403, reason: 'provisioningNotAllowed' }],
    passing: [
      { status: 401 },
      { status: 403, reason: 'serviceReadOnly' },
      { status: 404, reason: 'ResourceNotFound' },
      { status: 404, reason: 'UnknownError' },
      { status: 400, reason: 'BadRequest' },
    ],
    crowded: undefined,
    callsForSmall: 2,
  },
} as const

let world: Awaited<ReturnType<typeof startWorld>>
let clients: Clients
let events: DocumentEvents
beforeAll(async () => {
  world = await startWorld()
  events = documentEvents(world.endpoints)
  clients = openClients(world.endpoints)
})
afterAll(async () => {
  events.close()
  clients.close()
  await world.close()
})

describe.each(['google-drive', 'onedrive'] as const)('a document on its way to %s', (provider) => {
  const drive = drives[provider]
  const { fragment } = drive
  /** Three fragments, the last one not whole. */
  const several = 2 * fragment + 100_001
  let simulator: Simulator
  let opened: OpenedDeps
  let clock: MovableClock
  let connection: Connection
  let driver: Driver
  let counter = 0

  beforeAll(async () => {
    simulator = await startSimulator(drive.simulator)
  })
  afterAll(async () => await simulator.close())

  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    opened = open({})
    connection = await connect(opened, `u${String(counter)}-${drive.simulator}`, provider)
    const tokens = await simulator.signIn(userAccount())
    const { connectionId } = connection
    const real = drive.open({ connectionId, tokens, clock, endpoint: simulator.origin })
    const { sessions = expect.unreachable() } = real
    const singleRequestBytes = Math.min(100_000, real.traits.singleRequestBytes)
    driver = {
      ...real,
      traits: { ...real.traits, singleRequestBytes },
      sessions: { ...sessions, fragmentBytes: fragment },
    }
    await simulator.clearRequests()
  })
  afterEach(async () => {
    await simulator.clearFaults()
  })

  const open = (settings: Partial<HallSettings>): OpenedDeps =>
    openDeps(clients, {
      clock,
      openDriver: () => Promise.resolve(driver),
      publish: () => undefined,
      settings: { streamBytes: fragment, ...settings },
    })
  const userAccount = (): string => `${String(counter)}-${account}`
  const keyOf = (documentId: string, extension = '.pdf'): string =>
    dropKey(address(connection, documentId, extension))
  const rowOf = async (documentId: string) => await opened.deps.documents.get(address(connection, documentId))
  const documentOf = async (documentId: string) => {
    const row = await rowOf(documentId)
    return row && presentDocument(row)
  }
  const told = async (): Promise<string[]> => (await events.of(connection)).map(({ type }) => type)
  const files = async () => (await simulator.files(userAccount())).filter((file) => !file.trashed)

  /** Time passes here and at the provider. */
  const pass = async (seconds: number): Promise<void> => {
    clock.advance(seconds * 1000)
    await simulator.advance(Math.ceil(seconds * 1000))
  }
  let message = 0
  const delivery = (messageId = `m${String((message += 1))}`) => ({
    messageId,
    deadline: clock.now() + attemptMs,
  })
  const deliver = async (object: CreatedObject, messageId?: string) =>
    await ingestObject(opened.deps, object, delivery(messageId))
  /** As SQS would: delivers until the message is done, moving the clock instead of waiting. */
  const deliverBody = async (body: string, messageId = `m${String((message += 1))}`): Promise<number> => {
    for (let deliveries = 1; deliveries <= 60; deliveries += 1) {
      const end = await deliverMessage(opened, body, delivery(messageId))
      if (end.kind === 'done') return deliveries
      await pass(end.afterSeconds)
    }
    throw new Error('The message keeps coming back.')
  }
  /** Delivers what the intake has asked itself to look at. */
  const deliverLooks = async (): Promise<void> => {
    const looks = (await takeMessages(opened)).filter(
      (body) => parseRowMessage(body)?.userKey === connection.userKey,
    )
    for (const body of looks) await deliverBody(body)
    if (looks.length > 0) await deliverLooks()
  }
  const ingest = async (object: CreatedObject, messageId?: string): Promise<number> => {
    const deliveries = await deliverBody(messageOf(object), messageId)
    await deliverLooks()
    return deliveries
  }
  /** As the sweeper: has everything looked at that is due after so many seconds. */
  const sweepAfter = async (seconds: number): Promise<void> => {
    await pass(seconds)
    await sweep(opened.deps, { deadline: clock.now() + attemptMs, idleMs: 0 })
    await deliverLooks()
  }
  const expectStored = async (
    documentId: string,
    content: Uint8Array,
    openSessions = 0,
    events = ['Document Stored'],
  ): Promise<void> => {
    const stored = await files()
    expect(stored.map((file) => [file.size, file.sha256])).toEqual([[content.length, sha256(content)]])
    const document = must(await documentOf(documentId))
    expect(document).toMatchObject({
      status: 'stored',
      size: content.length,
      objectKey: stored[0]?.id,
    })
    // Work accounts give no hash of an empty file.
    const hashed = content.length > 0 || provider !== 'onedrive'
    expect(document.checksum?.verdict).toBe(hashed ? 'verified' : 'unverified')
    expect(document.error).toBeUndefined()
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    // Nobody has anything to do any more.
    expect(await rowOf(documentId)).not.toHaveProperty('open')
    expect(await simulator.sessions(userAccount())).toHaveLength(openSessions)
    expect(await told()).toEqual(events)
  }

  test.each([
    ['empty', 0],
    ['one byte long', 1],
    ['small', 70_001],
    ['exactly one fragment', fragment],
    ['exactly two fragments', 2 * fragment],
    ['three fragments and a half', 3.5 * fragment],
  ])('is stored once and bit for bit when it is %s', async (_name, size) => {
    const content = randomBytes(size)
    expect(await ingest(await drop(opened, keyOf('doc'), content))).toBe(1)
    await expectStored('doc', content)
    expect(must(await documentOf('doc')).contentType).toBe('application/pdf')
  })

  test('costs the minimum of provider calls when it is small', async () => {
    await ingest(await drop(opened, keyOf('doc'), randomBytes(5000)))
    const calls = await simulator.requests()
    expect(calls.map((call) => `${call.method} ${call.path}`)).toHaveLength(drive.callsForSmall)
  })

  test('is made once of the same event twenty times at once', async () => {
    const content = randomBytes(several)
    const object = await drop(opened, keyOf('doc'), content)
    const ids = Array.from({ length: 20 }, (_, index) => `twenty-${String(index)}`)
    const ends = await Promise.all(ids.map(async (id) => await deliver(object, id)))
    // Who was refused comes back later.
    await pass(Math.max(...ends.map((end) => (end.kind === 'again' ? end.afterSeconds : 0))))
    for (const id of ids) await ingest(object, id)
    await expectStored('doc', content)
    await ingest(object)
    await expectStored('doc', content)
  })

  test('is replaced by a later drop under the same key, in the same file', async () => {
    await ingest(await drop(opened, keyOf('doc'), randomBytes(1000)))
    const first = (await files())[0]?.id
    const content = randomBytes(several)
    await ingest(await drop(opened, keyOf('doc'), content))
    await expectStored('doc', content, 0, ['Document Stored', 'Document Stored'])
    expect((await files())[0]?.id).toBe(first)
  })

  test('is rejected where a document of another extension stands, which stays', async () => {
    const content = randomBytes(1000)
    await ingest(await drop(opened, keyOf('doc', '.pdf'), content))
    const [first] = await files()
    await ingest(await drop(opened, keyOf('doc', '.txt'), randomBytes(2000)))
    expect((await files()).map(({ id, name }) => [id, name])).toEqual([[first?.id, 'doc.pdf']])
    expect(await bucketKeys(opened, keyOf('doc', '.txt'))).toHaveLength(1)
  })

  describe('when something goes wrong', () => {
    const faults: [string, FaultAction][] = [
      ['a reset', { type: 'reset', afterBytes: 50_000 }],
      ['a reset before anything', { type: 'reset' }],
      ['a lost answer', { type: 'commit-then-reset' }],
      ['HTML for an answer', { type: 'garbage' }],
      ['503', { type: 'status', status: 503 }],
      ['503 with Retry-After', { type: 'status', status: 503, headers: { 'retry-after': '41' } }],
      ['429', { type: 'status', status: 429, headers: { 'retry-after': '60' } }],
      ['500', { type: 'status', status: 500 }],
      ['a cut answer', { type: 'truncate', afterBytes: 5 }],
      ['a gone session', { type: 'status', status: 404 }],
    ]
    const steps: (readonly [string, FaultMatch, number, Partial<HallSettings>])[] = [
      ['opening the session', drive.begin, several, {}],
      ['the first bytes', { ...drive.send, fragment: 1 }, several, {}],
      ['a later fragment', { ...drive.send, fragment: 2 }, several, {}],
      ['the last bytes', { ...drive.send, fragment: 3 }, several, {}],
      ['a small document', drive.small, 90_000, {}],
      ['an empty document', drive.empty, 0, {}],
      ...drive.ownSteps.map(([step, match, settings]) => [step, match, several, settings] as const),
    ]
    // Drive answers 404 to a creation for a missing parent only, which has its own test.
    const cannotHappen = (fault: string, step: string): boolean =>
      provider === 'google-drive' &&
      fault === 'a gone session' &&
      ['opening the session', 'a small document', 'an empty document'].includes(step)
    // A session whose address was lost cannot be ended; nothing is to be seen of it, and it ends by itself.
    // Drive tells the address in a header, which a cut answer still has.
    const loses =
      provider === 'onedrive' ? ['a reset', 'a lost answer', 'a cut answer'] : ['a reset', 'a lost answer']
    const leftOpen = (fault: string, step: string): number =>
      step === 'opening the session' && loses.includes(fault) ? 1 : 0
    const stepsTimesFaults = steps.flatMap(([step, match, size, settings]) =>
      faults
        .filter(([fault]) => !cannotHappen(fault, step))
        .map(([fault, action]) => [fault, step, match, action, size, settings] as const),
    )
    test.each(sampleOf(stepsTimesFaults, 4, provider === 'onedrive' ? 1 : 0))(
      '%s at %s leaves one whole document',
      async (fault, step, match, action, size, settings) => {
        opened = open(settings)
        const content = randomBytes(size)
        const object = await drop(opened, keyOf('doc'), content)
        await simulator.fault(match, action)
        await ingest(object)
        expect(await simulator.pendingFaults()).toBe(0)
        await expectStored('doc', content, leftOpen(fault, step))
      },
    )

    test('a process that dies before the address of its session is recorded leaves one whole document, and no session in the end', async () => {
      const content = randomBytes(several)
      const object = await drop(opened, keyOf('doc'), content)
      const opening = Promise.withResolvers<undefined>()
      const dead = Promise.withResolvers<string>()
      const seal = (): Promise<string> => {
        opening.resolve(undefined)
        return dead.promise
      }
      const dying = ingestObject(
        { ...opened.deps, sealer: { ...opened.deps.sealer, seal } },
        object,
        delivery('m'),
      )
      await opening.promise
      expect(await simulator.sessions(userAccount())).toHaveLength(1)
      expect(await ingest(object, 'm')).toBe(1)
      await expectStored('doc', content, 1)
      // It was only slow, and comes back: nothing that it still does counts.
      dead.resolve('sealed')
      expect(await dying).toEqual({ kind: 'done' })
      await expectStored('doc', content)
    })

    test('bytes that the session keeps only in part are sent again from where it stands', async () => {
      const content = randomBytes(several)
      const object = await drop(opened, keyOf('doc'), content)
      await simulator.fault({ ...drive.send, fragment: 1 }, { type: 'partial', bytes: 200_777 })
      await ingest(object)
      await expectStored('doc', content)
    })

    test('damage at the provider is found, and the bytes are sent again', async () => {
      const content = randomBytes(several)
      const object = await drop(opened, keyOf('doc'), content)
      await simulator.fault({ ...drive.send, fragment: 1 }, { type: 'corrupt' })
      expect(await ingest(object)).toBe(2)
      await expectStored('doc', content)
    })

    test('damage that comes three times fails it, what was made goes, and the object stays in the bucket', async () => {
      const object = await drop(opened, keyOf('doc'), randomBytes(several))
      await simulator.fault({ ...drive.send, fragment: 1 }, { type: 'corrupt' }, 3)
      expect(await ingest(object)).toBe(3)
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'provider_error' } })
      expect(await files()).toEqual([])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([object.key])
      expect(await told()).toEqual(['Document Failed'])
      // A late duplicate does not start it again.
      await simulator.clearRequests()
      await ingest(object)
      expect(await simulator.requests()).toEqual([])
    })

    test('a full drive fails at once, is not tried again, and holds no session', async () => {
      await simulator.setQuota(userAccount(), 400 * KiB)
      const object = await drop(opened, keyOf('doc'), randomBytes(several))
      expect(await ingest(object)).toBe(1)
      expect(await documentOf('doc')).toMatchObject({
        status: 'failed',
        error: { code: 'provider_quota_exceeded' },
      })
      expect(await bucketKeys(opened, connection.userKey)).toEqual([object.key])
      expect(await files()).toEqual([])
      expect(await simulator.sessions(userAccount())).toEqual([])
      expect(await told()).toEqual(['Document Failed'])
    })

    const again = async (fault: FaultAction): Promise<[Buffer, CreatedObject]> => {
      const content = randomBytes(several)
      const object = await drop(opened, keyOf('doc'), content)
      await simulator.fault(drive.begin, fault, 1000)
      expect(await deliver(object, 'waits')).toMatchObject({ kind: 'again' })
      expect(await documentOf('doc')).toMatchObject({ status: 'uploading' })
      return [content, object]
    }

    test.each([
      ...drive.passing.map((fault) => ({ type: 'status', ...fault }) as const),
      { type: 'garbage', status: 403 } as const,
      { type: 'garbage', status: 400 } as const,
    ])('what passes by itself is waited for: %j', async (fault) => {
      const [content, object] = await again(fault)
      await simulator.clearFaults()
      await pass(3600)
      await ingest(object, 'waits')
      await expectStored('doc', content)
    })

    test.each([...drive.mended])('what somebody has to mend is waited for, for days: %j', async (fault) => {
      const [content, object] = await again({ type: 'status', ...fault })
      for (let days = 0; days < 3; days += 1) {
        await pass(24 * 3600)
        expect(await deliver(object, 'waits')).toMatchObject({ kind: 'again' })
      }
      await simulator.clearFaults()
      await pass(3600)
      await ingest(object, 'waits')
      await expectStored('doc', content)
    })

    where(drive.crowded !== undefined, () => {
      test('a folder that holds as many files as it may fails it, in words of its own', async () => {
        const object = await drop(opened, keyOf('doc'), randomBytes(several))
        await simulator.fault(drive.begin, { type: 'status', status: 403, ...drive.crowded })
        expect(await ingest(object)).toBe(1)
        expect(await documentOf('doc')).toMatchObject({
          status: 'failed',
          error: {
            code: 'provider_quota_exceeded',
            detail: expect.stringContaining('as many files as it may'),
          },
        })
      })
    })

    test('a dead grant parks it half way, and a reconnect goes on from where it was', async () => {
      const content = randomBytes(4.5 * fragment)
      const object = await drop(opened, keyOf('doc'), content)
      // Half way the session is lost, and to open another one the grant is needed.
      await simulator.fault(
        { ...drive.send, fragment: 3 },
        { type: 'status', status: 503, headers: { 'retry-after': '30' } },
      )
      const first = await deliver(object, 'half')
      expect(first).toEqual({ kind: 'again', afterSeconds: 30 })
      expect(must(await rowOf('doc')).change?.offset).toBe(2 * fragment)
      const dead = must(
        await opened.connections.update(connection, { status: 'requires_reauth', reason: 'grant_revoked' }),
      )
      await pass(30)
      await simulator.clearRequests()
      expect(await deliver(object, 'half')).toEqual({ kind: 'done' })
      expect(await documentOf('doc')).toMatchObject({ status: 'parked' })
      expect(must(await rowOf('doc')).open).toBe(`p#${connection.connectionId}`)
      expect(await told()).toEqual(['Document Parked'])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([object.key])
      expect(await simulator.requests()).toEqual([])

      await opened.connections.update(dead, { status: 'active', reason: undefined })
      expect(await deliverBody(walkMessage(connection))).toBe(1)
      await deliverLooks()
      await expectStored('doc', content, 0, ['Document Parked', 'Document Stored'])
      const sent = (await simulator.requests()).filter(
        (call) => call.method === 'PUT' && /upload/.test(call.path),
      )
      expect(sent.length).toBeLessThanOrEqual(4)
    })

    test('a grant that dies at the provider parks it', async () => {
      const object = await drop(opened, keyOf('doc'), randomBytes(1000))
      await simulator.revoke(userAccount())
      await simulator.expireTokens(userAccount())
      expect(await deliver(object)).toEqual({ kind: 'done' })
      expect(await documentOf('doc')).toMatchObject({ status: 'parked' })
    })
  })

  where(provider === 'google-drive', () => {
    const interrupted = { type: 'status', status: 503, headers: { 'retry-after': '30' } } as const

    test('is hashed to its end by several attempts when S3 has no MD5 of it', async () => {
      const content = randomBytes(several)
      const object = await dropInParts(opened, keyOf('doc'), content)
      expect(object.etag).toMatch(/-1$/)
      await simulator.fault({ ...drive.send, fragment: 2 }, interrupted)
      expect(await ingest(object)).toBe(2)
      await expectStored('doc', content)
      expect((await rowOf('doc'))?.standing?.hash).toEqual({ algorithm: 'sha256', value: sha256(content) })
    })

    test('of which S3 has the MD5 says the drive’s own SHA-256', async () => {
      const content = randomBytes(several)
      await ingest(await drop(opened, keyOf('doc'), content))
      await expectStored('doc', content)
      expect((await rowOf('doc'))?.standing?.hash).toEqual({ algorithm: 'sha256', value: sha256(content) })
    })

    test('is hashed before it is called damaged: not all that looks like an MD5 is one', async () => {
      const content = randomBytes(several)
      const object = await drop(opened, keyOf('doc'), content)
      const { bucket } = opened.deps
      const real = <Of extends object>(pin: Of): Of => ({ ...pin, etag: object.etag })
      opened = {
        ...opened,
        deps: {
          ...opened.deps,
          bucket: {
            ...bucket,
            source: (pin) => bucket.source(real(pin)),
            head: async (...given) => {
              const found = await bucket.head(...given)
              return found && { ...found, etag: 'a'.repeat(32) }
            },
            remove: async (pin) => await bucket.remove('etag' in pin ? real(pin) : pin),
          },
        },
      }
      expect(await ingest({ ...object, etag: 'a'.repeat(32) })).toBe(1)
      await expectStored('doc', content)
    })
  })

  where(provider === 'onedrive', () => {
    /** The drive, with what it says of a finished file changed: its hash comes late. */
    const saying = (said: (entry: ObjectEntry) => ObjectEntry): void => {
      const real = driver
      const { sessions = expect.unreachable() } = real
      driver = {
        ...real,
        sessions: {
          ...sessions,
          async send(...args) {
            const progress = await sessions.send(...args)
            return progress.state === 'done' ? { ...progress, entry: said(progress.entry) } : progress
          },
        },
        stat: async (...args) => said(await real.stat(...args)),
      }
    }

    test('takes the next name when a session whose address was lost holds the first', async () => {
      const content = randomBytes(several)
      await simulator.fault(drive.begin, { type: 'commit-then-reset' })
      await ingest(await drop(opened, keyOf('doc'), content))
      await expectStored('doc', content, 1)
      expect((await files())[0]?.name).toMatch(/^doc \([0-9a-f]{8}\)\.pdf$/)
      // It ends by itself, and nothing is ever to be seen of it.
      await pass(16 * 60)
      expect(await files()).toHaveLength(1)
    })

    test('never writes over a file of its name', async () => {
      const tokens = await simulator.signIn(userAccount())
      const path = `me/drive/root:/${connection.userKey}/doc.pdf:/content`
      const headers = { authorization: await tokens.bearer() }
      await fetch(`${simulator.origin}/v1.0/${path}`, { method: 'PUT', headers, body: 'the user’s own' })
      const content = randomBytes(several)
      await ingest(await drop(opened, keyOf('doc'), content))
      const names = (await files()).map(({ name, size }) => [name, size === several])
      expect(names).toEqual(expect.arrayContaining([['doc.pdf', false]]))
      expect(names.filter(([, ours]) => ours)).toHaveLength(1)
      expect(names).toHaveLength(2)
      expect(await documentOf('doc')).toMatchObject({ status: 'stored', size: several })
    })

    test('replaces another in the end when the address of its session was lost and the work account holds the name', async () => {
      await ingest(await drop(opened, keyOf('doc'), randomBytes(several)))
      const first = (await files())[0]?.id
      const content = randomBytes(several)
      const object = await drop(opened, keyOf('doc'), content)
      await simulator.fault(drive.begin, { type: 'commit-then-reset' })
      const startedAt = clock.now()
      expect(await ingest(object)).toBeGreaterThan(1)
      // Nobody can end that session: a work account lets go of the name after a quarter of an hour.
      expect(clock.now() - startedAt).toBeGreaterThanOrEqual(15 * 60_000)
      await expectStored('doc', content, 0, ['Document Stored', 'Document Stored'])
      expect((await files())[0]?.id).toBe(first)
    })

    test('is stored at once, and verified by a hash that comes late', async () => {
      let asked = 0
      saying((entry) => ((asked += 1) <= 3 ? { ...entry, checksums: {} } : entry))
      const content = randomBytes(several)
      expect(await ingest(await drop(opened, keyOf('doc'), content))).toBe(1)
      expect(await documentOf('doc')).toMatchObject({
        status: 'stored',
        size: several,
        checksum: { verdict: 'unverified' },
      })
      // While it is not proven its bytes are kept.
      expect(await bucketKeys(opened, connection.userKey)).toHaveLength(1)
      await sweepAfter(20)
      expect((await documentOf('doc'))?.checksum?.verdict).toBe('unverified')
      await sweepAfter(60)
      expect((await documentOf('doc'))?.checksum?.verdict).toBe('verified')
      await sweepAfter(900)
      await expectStored('doc', content)
    })

    test('of which a late hash says that the drive has others is told as failed, and its bytes stay in the bucket', async () => {
      let asked = 0
      const wrong = { quickXorHash: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }
      saying((entry) => ({ ...entry, checksums: (asked += 1) <= 3 ? {} : wrong }))
      await ingest(await drop(opened, keyOf('doc', '.jpg'), randomBytes(several)))
      for (const seconds of [20, 60]) await sweepAfter(seconds)
      expect((await documentOf('doc'))?.checksum?.verdict).toBe('mismatch')
      expect(await told()).toEqual(['Document Stored', 'Document Failed'])
      await sweepAfter(900)
      expect(await bucketKeys(opened, connection.userKey)).toHaveLength(1)
      expect(must(await rowOf('doc')).remove ?? {}).toEqual({})
    })

    test('stays unverified when the hash has not come after a quarter of an hour, and its bytes go', async () => {
      saying((entry) => ({ ...entry, checksums: {} }))
      await ingest(await drop(opened, keyOf('doc'), randomBytes(several)))
      for (const seconds of [20, 60, 300, 900]) await sweepAfter(seconds)
      await sweepAfter(0)
      expect(await documentOf('doc')).toMatchObject({
        status: 'stored',
        size: several,
        checksum: { verdict: 'unverified' },
      })
      const row = must(await rowOf('doc'))
      expect([row.standing?.prove, row.open]).toEqual([undefined, undefined])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
      await simulator.clearRequests()
      await sweepAfter(900)
      expect(await simulator.requests()).toEqual([])
    })

    test('is not held up by the bytes that are kept of the one before', async () => {
      saying((entry) => ({ ...entry, checksums: {} }))
      await ingest(await drop(opened, keyOf('doc'), randomBytes(several)))
      const content = randomBytes(several)
      await ingest(await drop(opened, keyOf('doc'), content))
      expect((await files()).map((file) => file.sha256)).toEqual([sha256(content)])
    })

    test('says so when a work account’s SharePoint has rewritten it', async () => {
      await simulator.fault(drive.begin, { type: 'rewrite', add: 812 })
      await ingest(await drop(opened, keyOf('doc', '.docx'), randomBytes(several)))
      expect(await documentOf('doc')).toMatchObject({
        status: 'stored',
        size: several + 812,
        checksum: { verdict: 'provider_transformed' },
      })
      expect(await told()).toEqual(['Document Stored'])
    })
  })

  test('ends with the document when the user deletes it on the way, and leaves nothing', async () => {
    const object = await drop(opened, keyOf('doc'), randomBytes(several))
    await simulator.fault(
      { ...drive.send, fragment: 2 },
      { type: 'status', status: 429, headers: { 'retry-after': '90' } },
    )
    expect((await deliver(object)).kind).toBe('again')
    expect(await simulator.sessions(userAccount())).toHaveLength(1)
    await deleteDocument(documentDeps(opened), {
      ...address(connection, 'doc'),
      userId: connection.userId,
      signal: AbortSignal.timeout(60_000),
    })
    expect(await simulator.sessions(userAccount())).toEqual([])
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    await ingest(object)
    expect(await files()).toEqual([])
    expect(await documentOf('doc')).toBeUndefined()
  })
})
