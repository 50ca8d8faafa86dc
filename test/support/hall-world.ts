import type { S3Client } from '@aws-sdk/client-s3'
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { Connection } from '../../lib/catalog/connections.ts'
import type { Clock } from '../../lib/clock.ts'
import { deleteDocument } from '../../lib/documents/delete-document.ts'
import type { DocumentDeps } from '../../lib/documents/deps.ts'
import { presentDocument } from '../../lib/documents/present.ts'
import type { PutRequest } from '../../lib/documents/put-document.ts'
import { putDocument } from '../../lib/documents/put-document.ts'
import { startIntake } from '../../lib/intake/start-intake.ts'
import { dropboxDriver } from '../../lib/providers/dropbox/driver.ts'
import { googleDriveDriver } from '../../lib/providers/google-drive/driver.ts'
import { oneDriveDriver } from '../../lib/providers/onedrive/driver.ts'
import { s3Client } from '../../lib/providers/s3/client.ts'
import { s3Driver } from '../../lib/providers/s3/driver.ts'
import type { Driver } from '../../lib/storage/driver.ts'
import type { HallSettings } from '../../lib/transfer/hall.ts'
import { announcedKey } from '../../lib/transfer/intake-key.ts'
import { sweep } from '../../lib/transfer/sweep.ts'
import type { DocumentEvents } from './document-events.ts'
import { documentEvents } from './document-events.ts'
import { asFunction } from './as-function.ts'
import type { DriveAccount } from './drive-user.ts'
import type { FaultProxy } from './fault-proxy.ts'
import { startFaultProxy } from './fault-proxy.ts'
import type { Clients, MovableClock, OpenedDeps } from './intake-world.ts'
import {
  address,
  bucketKeys,
  connect,
  deliverMessage,
  documentDeps,
  drop,
  dropKey,
  messageOf,
  movableClock,
  must,
  openClients,
  openDeps,
  sha256,
  startWorld,
  takeMessages,
} from './intake-world.ts'
import type { FaultAction, FaultMatch } from './simulators.ts'
import { startSimulator } from './simulators.ts'

export const hallProviders = ['google-drive', 'onedrive', 'dropbox', 's3'] as const
export type HallProvider = (typeof hallProviders)[number]

export interface StoredFile {
  readonly id: string
  readonly name: string
  readonly size: number
  readonly sha256: string
}

/** One user's place at a provider, as the user and a test see it. */
interface Place {
  driver(clock: Clock): Driver
  files(): Promise<StoredFile[]>
  /** Open upload sessions. */
  sessions(): Promise<number>
  /** The user, or another system, puts a file of its own there; answers its id. */
  own(name: string, content: Uint8Array): Promise<string>
  full(isFull: boolean): Promise<void>
  /** For what its user does in a drive. */
  readonly account?: DriveAccount
}

/** A provider that plays along: faults, and a place for each user. */
interface Played {
  place(user: string, connection: Connection): Promise<Place>
  fault(match: FaultMatch, action: FaultAction, times?: number): Promise<void>
  pendingFaults(): Promise<number>
  clearFaults(): Promise<void>
  advance(ms: number): Promise<void>
  /** The requests since the last look. */
  requests(): Promise<string[]>
  close(): Promise<void>
}

const drives = {
  'google-drive': { simulator: 'google', open: googleDriveDriver, fragment: 256 * 1024 },
  onedrive: { simulator: 'microsoft', open: oneDriveDriver, fragment: 320 * 1024 },
  dropbox: { simulator: 'dropbox', open: dropboxDriver, fragment: 256 * 1024 },
} as const

/** Each provider's writes, for faults; a document of `large` bytes goes through a session. */
export const writes: Readonly<
  Record<HallProvider, { readonly small: FaultMatch; readonly send: FaultMatch; readonly large: number }>
> = {
  'google-drive': {
    small: { path: 'uploadType=multipart' },
    send: { method: 'PUT', path: 'upload_id=' },
    large: 2 * 256 * 1024 + 1,
  },
  onedrive: {
    small: { method: 'PUT', path: 'upload' },
    send: { method: 'PUT', path: 'upload' },
    large: 2 * 320 * 1024 + 1,
  },
  dropbox: {
    small: { path: '^/2/files/upload$' },
    send: { path: '/upload_session/(?:append_v2|finish)' },
    large: 2 * 256 * 1024 + 1,
  },
  s3: {
    small: { method: 'PUT', path: 'x-id=PutObject' },
    send: { method: 'PUT', path: 'x-id=UploadPart' },
    large: 10 * 1024 * 1024 + 1,
  },
}

async function playDrive(provider: keyof typeof drives, domain: string): Promise<Played> {
  const { simulator: name, open, fragment } = drives[provider]
  const simulator = await startSimulator(name)
  const { origin: endpoint } = simulator
  return {
    async place(user, connection) {
      const account = `${user}@${domain}`
      const tokens = await simulator.signIn(account)
      const { connectionId } = connection
      const own = {
        async 'google-drive'(file: string, content: Uint8Array, authorization: string): Promise<Response> {
          const url = `${endpoint}/upload/drive/v3/files?uploadType=media&fields=id`
          const body = Buffer.from(content)
          const made = await fetch(url, { method: 'POST', headers: { authorization }, body })
          const { id } = (await made.json()) as { id: string }
          const headers = { authorization, 'content-type': 'application/json' }
          const rename = { method: 'PATCH', headers, body: JSON.stringify({ name: file }) }
          return await fetch(`${endpoint}/drive/v3/files/${id}`, rename)
        },
        async onedrive(file: string, content: Uint8Array, authorization: string): Promise<Response> {
          const path = `me/drive/root:/${connection.userKey}/${encodeURIComponent(file)}:/content`
          const put = { method: 'PUT', headers: { authorization }, body: Buffer.from(content) }
          return await fetch(`${endpoint}/v1.0/${path}`, put)
        },
        async dropbox(file: string, content: Uint8Array, authorization: string): Promise<Response> {
          const path = `/${connection.userKey}/${file}`
          const about = { 'dropbox-api-arg': JSON.stringify({ path, mode: 'overwrite' }) }
          const headers = { authorization, 'content-type': 'application/octet-stream', ...about }
          const body = Buffer.from(content)
          return await fetch(`${endpoint}/2/files/upload`, { method: 'POST', headers, body })
        },
      }[provider]
      return {
        driver(clock) {
          const real = open({ connectionId, tokens, clock, endpoint })
          const { sessions = expect.unreachable() } = real
          const singleRequestBytes = Math.min(100_000, real.traits.singleRequestBytes)
          return {
            ...real,
            // So that much smaller documents go through sessions, in several fragments.
            traits: { ...real.traits, singleRequestBytes },
            sessions: { ...sessions, fragmentBytes: fragment },
          }
        },
        files: async () => (await simulator.files(account)).filter((file) => !file.trashed),
        // Those of a Dropbox cannot be ended, and hold nothing.
        sessions: async () => (provider === 'dropbox' ? 0 : (await simulator.sessions(account)).length),
        async own(file, content) {
          const answer = await own(file, content, await tokens.bearer())
          return ((await answer.json()) as { id: string }).id
        },
        full: async (isFull) => await simulator.setQuota(account, isFull ? 1 : 1e9),
        account: { origin: endpoint, bearer: () => tokens.bearer() },
      }
    },
    fault: simulator.fault,
    pendingFaults: simulator.pendingFaults,
    clearFaults: simulator.clearFaults,
    advance: simulator.advance,
    async requests() {
      const all = await simulator.requests()
      await simulator.clearRequests()
      return all.map(({ method, path }) => `${method} ${path}`)
    },
    close: simulator.close,
  }
}

const bucket = 'driveway-storage'

async function playBucket(s3: string): Promise<Played> {
  const proxy = await startFaultProxy(s3)
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const open = (endpoint: string): S3Client => s3Client({ region: 'us-east-1', credentials, endpoint })
  // What the test itself looks at meets no faults.
  const [client, plain] = [open(proxy.origin), open(s3)]
  return {
    place: (_user, { userKey }) => {
      const Prefix = `${userKey}/`
      const fileOf = async (key: string): Promise<StoredFile> => {
        const { Body } = await plain.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
        const content = (await Body?.transformToByteArray()) ?? new Uint8Array()
        const name = key.slice(Prefix.length)
        return { id: key, name, size: content.length, sha256: sha256(content) }
      }
      return Promise.resolve({
        driver: (clock) => s3Driver({ client, bucket, clock }),
        async files() {
          const { Contents = [] } = await plain.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }))
          return await Promise.all(Contents.map(async ({ Key = '' }) => await fileOf(Key)))
        },
        async sessions() {
          const list = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix })
          return (await plain.send(list)).Uploads?.length ?? 0
        },
        async own(file, content) {
          await plain.send(
            new PutObjectCommand({ Bucket: bucket, Key: `${Prefix}${file}`, Body: Buffer.from(content) }),
          )
          return `${Prefix}${file}`
        },
        full: (isFull) => {
          if (isFull)
            proxy.fault({ method: 'PUT' }, { type: 'status', status: 507, reason: 'XMinioStorageFull' }, 1000)
          else proxy.clearFaults()
          return Promise.resolve()
        },
      })
    },
    fault: (...given) => Promise.resolve(proxy.fault(...given)),
    pendingFaults: () => Promise.resolve(proxy.pendingFaults()),
    clearFaults: () => Promise.resolve(proxy.clearFaults()),
    advance: () => Promise.resolve(),
    requests: () => Promise.resolve(proxy.seen()),
    async close() {
      client.destroy()
      plain.destroy()
      await proxy.close()
    },
  }
}

/**
 * A user with one connection and its document `doc`, new in each test, on the real emulators and a
 * provider that plays along; to be called inside a `describe`. Messages are delivered when a test says so.
 */
export function hallWorld(
  provider: HallProvider,
  settings: Partial<HallSettings> = {},
  domain = 'example.com',
) {
  let world: Awaited<ReturnType<typeof startWorld>>
  let ours: { readonly dynamoDb: FaultProxy; readonly s3: FaultProxy }
  let clients: Clients
  let events: DocumentEvents
  let played: Played
  let place: Place
  let opened: OpenedDeps
  let clock: MovableClock
  let connection: Connection
  let driver: Driver
  let counter = 0
  let message = 0

  beforeAll(async () => {
    world = await startWorld()
    const [dynamoDb, s3] = await Promise.all([
      startFaultProxy(world.endpoints.dynamoDb),
      startFaultProxy(world.endpoints.s3),
    ])
    ours = { dynamoDb, s3 }
    clients = openClients({ ...world.endpoints, dynamoDb: dynamoDb.origin, s3: s3.origin })
    events = documentEvents(world.endpoints)
    played = await (provider === 's3' ? playBucket(world.endpoints.s3) : playDrive(provider, domain))
  })
  afterAll(async () => {
    events.close()
    clients.close()
    await played.close()
    await ours.dynamoDb.close()
    await ours.s3.close()
    await world.close()
  })
  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    const streamBytes = provider === 's3' ? {} : { streamBytes: drives[provider].fragment }
    opened = openDeps(clients, {
      clock,
      openDriver: () => Promise.resolve(driver),
      publish: () => undefined,
      settings: { ...streamBytes, ...settings },
    })
    connection = await connect(opened, `hall${String(counter)}-${provider}`, provider)
    place = await played.place(`hall${String(counter)}`, connection)
    driver = place.driver(clock)
    await takeMessages(opened)
  })
  afterEach(async () => await played.clearFaults())

  const where = (documentId = 'doc', extension = '.bin') => address(connection, documentId, extension)
  const row = async (documentId?: string) => await opened.deps.documents.get(where(documentId))
  const delivery = (messageId = `m${String((message += 1))}`) => ({
    messageId,
    deadline: clock.now() + 60_000,
  })
  /** Moves the clock to when a message that is put off comes back, here and at the provider. */
  const pass = async (seconds: number): Promise<void> => {
    clock.advance(seconds * 1000)
    await played.advance(Math.ceil(seconds * 1000))
  }
  const deliverBody = async (body: string, messageId = delivery().messageId): Promise<number> => {
    for (let deliveries = 1; deliveries <= 60; deliveries += 1) {
      const end = await asFunction('ingest-object', () => deliverMessage(opened, body, delivery(messageId)))
      if (end.kind === 'done') return deliveries
      await pass(end.afterSeconds)
    }
    throw new Error('The message keeps coming back.')
  }
  const deliverOnce = async (): Promise<void> => {
    for (const body of await takeMessages(opened))
      if (body.includes(connection.userKey)) await deliverMessage(opened, body, delivery())
  }
  const deliverQueue = async (): Promise<void> => {
    const bodies = await takeMessages(opened)
    for (const body of bodies) if (body.includes(connection.userKey)) await deliverBody(body)
    if (bodies.length > 0) await deliverQueue()
  }
  const files = async (): Promise<StoredFile[]> => await place.files()

  const self = {
    get opened() {
      return opened
    },
    get clock() {
      return clock
    },
    get connection() {
      return connection
    },
    get played() {
      return played
    },
    get place() {
      return place
    },
    get driver() {
      return driver
    },
    /** What the product uses from now on in place of the provider's driver. */
    set driver(other: Driver) {
      driver = other
    },
    where,
    row: async (documentId?: string) => must(await row(documentId)),
    isThere: async (documentId?: string): Promise<boolean> => (await row(documentId)) !== undefined,
    document: async (documentId?: string) => presentDocument(must(await row(documentId))),
    files,
    hashes: async () => (await files()).map((file) => file.sha256),
    told: async (): Promise<string[]> => (await events.of(connection)).map(({ type }) => type),
    events: async () => await events.of(connection),
    /** What lies in the intake bucket of this user. */
    intake: async () => await bucketKeys(opened, connection.userKey),
    /** What the product asks of AWS for its own ends, and of the provider, while `work` runs. */
    async calls(
      work: () => Promise<unknown>,
    ): Promise<{ readonly aws: string[]; readonly provider: string[] }> {
      const take = async () => ({
        aws: [...ours.dynamoDb.seen(), ...ours.s3.seen()],
        provider: await played.requests(),
      })
      await take()
      await work()
      return await take()
    },
    delivery,
    pass,
    deliverBody,
    /** Delivers each message once, whether it is to come back or not. */
    deliverOnce,
    deliverQueue,
    async sweepAfter(seconds: number): Promise<void> {
      await pass(seconds)
      await asFunction('sweep-transfers', () =>
        sweep(opened.deps, { deadline: clock.now() + 60_000, idleMs: 0 }),
      )
      await deliverQueue()
    },
    put: async (
      bytes: Buffer,
      { on = {}, ...asked }: Partial<PutRequest> & { readonly on?: Partial<DocumentDeps> } = {},
    ) =>
      await putDocument(
        { ...documentDeps(opened), ...on },
        {
          ...where(),
          userId: connection.userId,
          contentType: 'application/octet-stream',
          bytes,
          contentDigest: undefined,
          signal: AbortSignal.timeout(60_000),
          ...asked,
        },
      ),
    drop: async (content: Uint8Array, documentId?: string, extension?: string) =>
      await drop(opened, dropKey(where(documentId, extension)), content),
    /** Drops it and delivers what follows until nothing does. */
    async ingest(content: Uint8Array, documentId?: string, extension?: string): Promise<void> {
      await deliverBody(messageOf(await self.drop(content, documentId, extension)))
      await deliverQueue()
    },
    async announce(content: Uint8Array, asked: { readonly sha256?: string } = {}) {
      const started = await startIntake(
        { ...opened.deps, chooseConnection: () => Promise.resolve(connection) },
        {
          ...where(),
          userId: connection.userId,
          contentType: 'application/octet-stream',
          size: content.length,
          ...asked,
        },
      )
      const { url, method, headers } = started.upload
      return {
        key: announcedKey({ ...where(), changeId: must(started.row.change).id }),
        upload: async () => await fetch(url, { method, headers, body: Buffer.from(content) }),
      }
    },
    /** Announces it, uploads it, and delivers what follows. */
    async upload(content: Uint8Array): Promise<string> {
      const { key, upload } = await self.announce(content)
      await upload()
      await deliverQueue()
      return key
    },
    async remove(documentId?: string): Promise<void> {
      await deleteDocument(documentDeps(opened), {
        ...where(documentId),
        userId: connection.userId,
        signal: AbortSignal.timeout(60_000),
      })
    },
    /** What holds at rest: one file, that of the row, and nothing left anywhere. */
    async expectAtRest(content: Uint8Array): Promise<void> {
      expect(await self.hashes()).toEqual([sha256(content)])
      const [file] = await files()
      expect(await self.document()).toMatchObject({ objectKey: file?.id, size: content.length })
      expect(await self.row()).not.toHaveProperty('open')
      expect((await self.row()).remove ?? {}).toEqual({})
      expect(await self.intake()).toEqual([])
      expect(await place.sessions()).toBe(0)
    },
  }
  return self
}
