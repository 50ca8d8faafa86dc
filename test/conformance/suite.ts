import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceError } from '../../lib/errors.ts'
import { CloudConnectionError, isServiceError, NotSupportedError } from '../../lib/errors.ts'
import type { ObjectKey } from '../../lib/ids.ts'
import { objectKey, parseDocumentId, parseExtension, userId, userKeyOf } from '../../lib/ids.ts'
import { retrying } from '../../lib/net/retry.ts'
import type {
  Backend,
  ContentSource,
  ObjectEntry,
  PutTarget,
  ResumableUploads,
  UploadPlan,
} from '../../lib/storage/backend.ts'
import { contentOf } from '../../lib/storage/content.ts'
import { breaking, bytesAt, bytesOf, generated, ofWrongLength, sha256Of } from '../support/content.ts'
import type { FaultAction } from '../support/simulators.ts'
import { where } from '../support/where.ts'
import type { Harness, Traits, World } from './harness.ts'

const CHUNK_SIZE = 10 * 1024 * 1024
const alice = userId('alice')

interface PutInput {
  readonly id?: string
  readonly content?: ContentSource
  readonly extension?: string
  readonly user?: string
  readonly target?: PutTarget
  readonly signal?: AbortSignal
}

/** Puts as a use case does: a key is reserved first where the provider has such a thing. */
async function put(backend: Backend, input: PutInput = {}): Promise<ObjectEntry> {
  const target = input.target ?? (await newTarget(backend))
  return backend.putEntry(
    input.user === undefined ? alice : userId(input.user),
    documentId(input.id ?? 'doc-1'),
    input.content ?? contentOf(Buffer.from('hello')),
    parseExtension(input.extension ?? '.txt') ?? never(),
    'text/plain',
    { ...(target ? { target } : {}), ...(input.signal ? { signal: input.signal } : {}) },
  )
}

async function newTarget(backend: Backend): Promise<PutTarget | undefined> {
  if (!backend.reserveObjectKey) return undefined
  return { kind: 'reserved', objectKey: await backend.reserveObjectKey() }
}

function documentId(text: string) {
  return parseDocumentId(text) ?? never()
}

function never(): never {
  throw new Error('the test has made a mistake')
}

async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (isServiceError(error)) return error
  throw error
}

async function planFor(backend: Backend, size: number, id = 'doc-1'): Promise<UploadPlan> {
  const target = await newTarget(backend)
  return {
    userId: alice,
    documentId: documentId(id),
    extension: parseExtension('.bin') ?? never(),
    contentType: 'application/octet-stream',
    size,
    ...(target ? { target } : {}),
  }
}

function resumable(backend: Backend): ResumableUploads {
  const { beginUpload, sendBytes, queryUpload, cancelUpload, findUploaded, uploadMode, fragmentBytes } =
    backend
  if (!beginUpload || !sendBytes || !queryUpload || !cancelUpload || !findUploaded) return never()
  return {
    beginUpload,
    sendBytes,
    queryUpload,
    cancelUpload,
    findUploaded,
    uploadMode: uploadMode ?? 'stream',
    fragmentBytes: fragmentBytes ?? 0,
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const nothing = { held: [], open: 0 }

function only(content: Uint8Array) {
  return { held: [sha256(content)], open: 0 }
}

/** The behaviour that every backend owes to its callers; what a provider does not have is left out by its traits. */
export function conformance(name: string, traits: Traits, start: () => Promise<Harness>): void {
  describe(`${name}:`, () => {
    let harness: Harness
    let world: World
    let backend: Backend
    beforeAll(async () => {
      harness = await start()
    })
    afterAll(() => harness.close())
    beforeEach(async () => {
      world = await harness.world()
      backend = world.backend()
    })
    afterEach(async () => {
      expect(await world.unmetFaults()).toBe(0)
    })

    const again = <Result>(work: () => Promise<Result>): Promise<Result> =>
      retrying(work, { clock: world.clock, random: () => 0.5 })
    /** The hashes of what is there, and how many uploads are open. */
    const standing = async () => ({
      held: (await world.held()).map((file) => file.sha256),
      open: await world.openSessions(),
    })
    const account = () => world.account ?? never()

    describe('the seven methods', () => {
      it('stores, tells the size of, gives back and deletes a document', async () => {
        const target = await newTarget(backend)
        const key = await backend.putObject(
          alice,
          documentId('doc-1'),
          contentOf(Buffer.from('hello')),
          parseExtension('.txt') ?? never(),
          'text/plain',
          target ? { target } : {},
        )
        expect(await backend.statObject(key)).toBe(5)
        const got = await backend.getObject(key)
        expect(got).toMatchObject({ size: 5, contentLength: 5, contentType: 'text/plain' })
        expect(got.etag).not.toContain('"')
        expect(got.range).toBeUndefined()
        expect((await bytesOf(got.body)).toString()).toBe('hello')
        await backend.deleteObject(key)
        await backend.deleteObject(key)
        expect((await failureOf(backend.statObject(key))).code).toBe('object_missing')
        expect((await failureOf(backend.getObject(key))).code).toBe('object_missing')
        expect((await failureOf(backend.getObject(key, { start: 0 }))).code).toBe('object_missing')
        expect(await world.held()).toEqual([])
      })

      it('is what the suite takes it for', () => {
        const { presignedUrls, reservedKeys, placeholders } = traits
        expect(backend.capabilities).toMatchObject({
          presignedUrls,
          reservedKeys,
          placeholders,
          resumableUploads: true,
        })
      })

      it('names the object after the document and nothing else', async () => {
        await put(backend, { id: 'report.v1', extension: '.pdf' })
        expect(await world.held()).toMatchObject([
          { name: 'report.v1.pdf', path: traits.pathOf(userKeyOf(userId('alice')), 'report.v1.pdf') },
        ])
      })

      it('answers the stored hash, size and etag with the entry', async () => {
        const content = bytesAt(0, 999)
        const entry = await put(backend, { content: contentOf(content) })
        expect(await backend.statEntry(entry.objectKey)).toMatchObject({
          objectKey: entry.objectKey,
          size: 1000,
          checksums: entry.checksums,
        })
        expect(entry.checksums).toHaveProperty(backend.capabilities.checksum, traits.hashOf(content))
      })

      it('is healthy, and says so without an error when it is not', async () => {
        expect(await backend.healthCheck()).toBe(true)
        expect(await backend.healthCheck({ signal: AbortSignal.abort() })).toBe(false)
      })

      it('does not find what was never there', async () => {
        const key = objectKey('1A2b3C4d5E6f7G8h9I0jKlMnOpQrStUv')
        expect((await failureOf(backend.statEntry(key))).code).toBe('object_missing')
        expect((await failureOf(backend.getObject(key))).code).toBe('object_missing')
        await backend.deleteObject(key)
      })

      it('notices that the user removed the file', async () => {
        const { objectKey: key } = await put(backend)
        await world.removeAsUser(key)
        expect((await failureOf(backend.statObject(key))).code).toBe('object_missing')
        expect((await failureOf(backend.getObject(key))).code).toBe('object_missing')
        await backend.deleteObject(key)
      })
    })

    describe('presigned URLs', () => {
      where(!traits.presignedUrls, () => {
        it('are refused by name, without a call', async () => {
          const { objectKey: key } = await put(backend)
          const before = (await account().requests()).length
          const forGet = await failureOf(backend.presignedGetUrl(key))
          const forPut = await failureOf(backend.generatePresignedPutUrl(key))
          expect(forGet).toBeInstanceOf(NotSupportedError)
          expect(forGet).toMatchObject({ useInstead: 'getObject' })
          expect(forPut).toMatchObject({ code: 'presigned_url_not_supported', useInstead: 'putObject' })
          expect((await account().requests()).length).toBe(before)
        })
      })

      where(traits.presignedUrls, () => {
        it('read and write without any other credential', async () => {
          const { objectKey: key } = await put(backend)
          const got = await fetch(await backend.presignedGetUrl(key))
          expect(await got.text()).toBe('hello')
          const upload = await backend.presignPut?.(key, 'text/markdown', 5)
          const sent = await fetch(upload?.url ?? '', {
            method: 'PUT',
            body: 'new',
            headers: { ...upload?.headers },
          })
          expect(sent.status).toBe(200)
          expect(await backend.statEntry(key)).toMatchObject({ size: 3, contentType: 'text/markdown' })
          expect(
            (await fetch(await backend.generatePresignedPutUrl(key), { method: 'PUT', body: 'four' })).status,
          ).toBe(200)
          expect(await backend.statObject(key)).toBe(4)
          const named = await backend.presignGet?.(key, 5, { fileName: 'a "b".txt', contentType: 'text/csv' })
          const download = await fetch(named ?? '')
          expect(download.headers.get('content-type')).toBe('text/csv')
          expect(download.headers.get('content-disposition')).toBe(
            "attachment; filename*=UTF-8''a%20%22b%22.txt",
          )
          expect((await failureOf(backend.presignedGetUrl(key, 7 * 24 * 60 + 1))).code).toBe(
            'invalid_request',
          )
        })
      })
    })

    describe('sizes', () => {
      it.each([0, 1, 1_500_000, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 25 * 1024 * 1024])(
        '%i bytes come back as they went',
        async (size) => {
          const entry = await put(backend, { content: generated(size), extension: '.bin' })
          expect(entry.size).toBe(size)
          const expected = await sha256Of(generated(size).open())
          expect(await world.held()).toMatchObject([{ size, sha256: expected }])
          const got = await backend.getObject(entry.objectKey)
          expect(got.contentLength).toBe(size)
          expect(await sha256Of(got.body)).toBe(expected)
          expect(await world.openSessions()).toBe(0)
        },
      )
    })

    describe('replacing', () => {
      it.each([0, 7, 6_000_000])('by %i bytes keeps the key and leaves one object', async (size) => {
        const { objectKey: key } = await put(backend, { content: generated(100, 9) })
        const entry = await put(backend, {
          content: generated(size),
          target: { kind: 'replace', objectKey: key },
        })
        expect(entry.objectKey).toBe(key)
        expect(await standing()).toEqual(only(await bytesOf(generated(size).open())))
        expect(await backend.statObject(key)).toBe(size)
      })

      it('changes the etag', async () => {
        const first = await put(backend)
        const target = { kind: 'replace', objectKey: first.objectKey } as const
        await put(backend, { content: contentOf(Buffer.from('other')), target })
        expect((await backend.statEntry(first.objectKey)).etag).not.toBe(first.etag)
      })

      it('leaves what was there when the new content breaks off', async () => {
        const { objectKey: key } = await put(backend)
        const content = breaking(100_000, 50_000, new Error('the disk is gone'))
        await failureOf(put(backend, { content, target: { kind: 'replace', objectKey: key } }))
        expect(await standing()).toEqual(only(Buffer.from('hello')))
      })

      where(!traits.reservedKeys, () => {
        it('finds the place again without knowing the key', async () => {
          const first = await put(backend)
          const second = await put(world.backend(), { content: contentOf(Buffer.from('second')) })
          expect(second.objectKey).toBe(first.objectKey)
          expect(await standing()).toEqual(only(Buffer.from('second')))
        })
      })
    })

    describe('ranges', () => {
      const content = bytesAt(0, 99_999)
      let key: ObjectKey
      beforeEach(async () => {
        key = (await put(backend, { content: contentOf(content) })).objectKey
      })

      it.each([
        ['the first bytes', { start: 0, end: 9 }, 0, 9],
        ['one byte', { start: 5, end: 5 }, 5, 5],
        ['the middle', { start: 40_000, end: 59_999 }, 40_000, 59_999],
        ['from a place on', { start: 99_000 }, 99_000, 99_999],
        ['beyond the end', { start: 99_990, end: 200_000 }, 99_990, 99_999],
        ['the last bytes', { suffix: 10 }, 99_990, 99_999],
        ['more last bytes than there are', { suffix: 200_000 }, 0, 99_999],
      ] as const)('gives %s', async (_what, range, first, last) => {
        const got = await backend.getObject(key, range)
        expect(got).toMatchObject({
          size: content.length,
          contentLength: last - first + 1,
          range: { start: first, end: last },
        })
        expect((await bytesOf(got.body)).equals(content.subarray(first, last + 1))).toBe(true)
      })

      it.each([
        [{ start: 100_000 }],
        [{ start: 500_000, end: 500_001 }],
        [{ suffix: 0 }],
        [{ start: 9, end: 3 }],
      ])('refuses %o, naming the size', async (range) => {
        const error = await failureOf(backend.getObject(key, range))
        expect(error.code).toBe('range_not_satisfiable')
        expect(error.context.size).toBe(content.length)
      })

      it('has no range in an empty object', async () => {
        const empty = await put(backend, { id: 'empty', content: contentOf(Buffer.alloc(0)) })
        const error = await failureOf(backend.getObject(empty.objectKey, { start: 0 }))
        expect(error).toMatchObject({ code: 'range_not_satisfiable', context: { size: 0 } })
      })
    })

    describe('names', () => {
      it.each(['auth0|5f7c8ec7c33c6c004bbafe82', 'a/../../b', 'ünïcødé 用户', 'x'.repeat(300), '.'])(
        'keeps the user id %o out of paths',
        async (user) => {
          const { objectKey: key } = await put(backend, { user })
          expect(await backend.statObject(key)).toBe(5)
          expect(await world.held()).toMatchObject([
            { path: traits.pathOf(userKeyOf(userId(user)), 'doc-1.txt') },
          ])
        },
      )

      it('takes every document id that our own rules allow', async () => {
        for (const id of ['CON', 'nul', 'a..', 'x_vti_y', 'desktop', 'A'.repeat(128), '0-._']) {
          const { objectKey: key } = await put(backend, { id, extension: '' })
          expect(await backend.statObject(key)).toBe(5)
        }
        expect(await world.held()).toHaveLength(7)
      })

      it('does not take two documents for one whose ids differ in case only', async () => {
        const lower = await put(backend, { id: 'note', content: contentOf(Buffer.from('lower')) })
        const upper = await put(backend, { id: 'NOTE', content: contentOf(Buffer.from('upper')) })
        const upperAgain = await put(world.backend(), {
          id: 'NOTE',
          content: contentOf(Buffer.from('UPPER')),
          ...(backend.reserveObjectKey ? { target: { kind: 'replace', objectKey: upper.objectKey } } : {}),
        })
        expect(upper.objectKey).not.toBe(lower.objectKey)
        expect(upperAgain.objectKey).toBe(upper.objectKey)
        expect((await bytesOf((await backend.getObject(lower.objectKey)).body)).toString()).toBe('lower')
        expect((await bytesOf((await backend.getObject(upper.objectKey)).body)).toString()).toBe('UPPER')
      })

      it('does not let a content type break a header or ask for a conversion', async () => {
        const plain = ['application/vnd.google-apps.document']
        for (const contentType of ['text/plain\r\nx-evil: 1', 'ü', ...plain]) {
          const target = await newTarget(backend)
          const entry = await backend.putEntry(
            alice,
            documentId('typed'),
            contentOf(Buffer.from('typed')),
            parseExtension('.bin') ?? never(),
            contentType,
            target ? { target } : {},
          )
          const { size, contentType: kept } = await backend.statEntry(entry.objectKey)
          expect(size).toBe(5)
          expect(kept).toBeOneOf([
            'application/octet-stream',
            ...plain.filter((type) => type === contentType),
          ])
        }
      })
    })

    describe('sources that go wrong', () => {
      const broken = new Error('the disk is gone')
      it.each([
        ['fails midway', breaking(100_000, 60_000, broken), 'internal_error'],
        ['fails before its first byte', breaking(100_000, 0, broken), 'internal_error'],
        ['fails midway in a large document', breaking(15_000_000, 12_000_000, broken), 'internal_error'],
        ['ends short', ofWrongLength(100_000, 99_999), 'invalid_request'],
        ['ends short in a large document', ofWrongLength(15_000_000, 12_000_000), 'invalid_request'],
        ['is empty', ofWrongLength(10, 0), 'invalid_request'],
        ['goes on too long', ofWrongLength(100_000, 100_001), 'invalid_request'],
        ['has bytes although it should be empty', ofWrongLength(0, 3), 'invalid_request'],
      ])('one that %s leaves nothing at the provider', async (_what, content, code) => {
        const error = await failureOf(put(backend, { content }))
        expect(error.code).toBe(code)
        expect(error.retry.retryable).toBe(false)
        expect(await standing()).toEqual(nothing)
      })

      it('a source that cannot be opened is an error of its own', async () => {
        const content = {
          size: 3,
          open(): never {
            throw broken
          },
        }
        expect((await failureOf(put(backend, { content }))).code).toBe('internal_error')
        expect(await standing()).toEqual(nothing)
      })

      it('a caller that gives up leaves nothing at the provider', async () => {
        const given = new AbortController()
        const content = generated(15_000_000)
        const open = content.open.bind(content)
        content.open = (range) => open(range).once('data', () => given.abort())
        await failureOf(put(backend, { content, signal: given.signal }))
        expect(await standing()).toEqual(nothing)
      })
    })

    describe('lost answers', () => {
      const content = bytesAt(0, 49_999)
      it('one to a creation makes one object', async () => {
        await world.fault('write', { type: 'commit-then-reset' })
        const target = await newTarget(backend)
        const entry = await again(() =>
          put(backend, { content: contentOf(content), ...(target ? { target } : {}) }),
        )
        expect(entry.size).toBe(content.length)
        expect(await standing()).toEqual(only(content))
      })

      it('one to a creation is recognised by another process', async () => {
        const target = await newTarget(backend)
        const input = { content: contentOf(content), ...(target ? { target } : {}) }
        const first = await put(backend, input)
        const second = await put(world.backend(), input)
        expect(second.objectKey).toBe(first.objectKey)
        expect(await standing()).toEqual(only(content))
      })

      it('one to a replacement leaves one object with the new content', async () => {
        const { objectKey: key } = await put(backend)
        await world.fault('replace', { type: 'commit-then-reset' })
        const target = { kind: 'replace', objectKey: key } as const
        const entry = await again(() => put(backend, { content: contentOf(content), target }))
        expect(entry.objectKey).toBe(key)
        expect(await standing()).toEqual(only(content))
      })

      it('one to the last part of a large document makes one object', async () => {
        await world.faultLast({ type: 'commit-then-reset' }, 2)
        const target = await newTarget(backend)
        const size = CHUNK_SIZE + 5
        const entry = await again(() =>
          put(backend, { content: generated(size), ...(target ? { target } : {}) }),
        )
        expect(entry.size).toBe(size)
        expect(await standing()).toEqual(only(await bytesOf(generated(size).open())))
      })

      it.each<[string, FaultAction]>([
        ['breaks off', { type: 'reset' }],
        ['is answered with 500', { type: 'status', status: 500 }],
      ])(
        'a last part of a large document that %s with nothing done makes one object in the end',
        async (_what, fault) => {
          await world.faultLast(fault, 2)
          const target = await newTarget(backend)
          const size = CHUNK_SIZE + 5
          const input = { content: generated(size), ...(target ? { target } : {}) }
          expect((await again(() => put(backend, input))).size).toBe(size)
          expect(await standing()).toEqual(only(await bytesOf(generated(size).open())))
        },
      )

      it('a connection that breaks before the content was sent is worth another try', async () => {
        await world.fault('write', { type: 'reset', afterBytes: 1000 })
        const input = { content: generated(3_000_000), ...(await targetOf(backend)) }
        const error = await failureOf(put(backend, input))
        expect(error).toMatchObject({ code: 'provider_unavailable', retry: { retryable: true } })
        expect(await standing()).toEqual(nothing)
        expect((await put(backend, input)).size).toBe(3_000_000)
      })

      it('one to a deletion is not held against a repetition', async () => {
        const { objectKey: key } = await put(backend)
        await world.fault('delete', { type: 'commit-then-reset' })
        await again(() => backend.deleteObject(key))
        expect(await world.held()).toEqual([])
      })
    })

    describe('a provider in trouble', () => {
      it.each([
        ['write', () => put(backend)],
        ['stat', async () => backend.statObject((await stored()).objectKey)],
        ['download', async () => bytesOf((await backend.getObject((await stored()).objectKey)).body)],
        ['delete', async () => backend.deleteObject((await stored()).objectKey)],
      ] as const)('a 503 at %s is worth another try', async (point, work: () => Promise<unknown>) => {
        await prepare()
        await world.fault(point, { type: 'status', status: 503 })
        const error = await failureOf(work())
        expect(error.retry.retryable).toBe(true)
        expect(error.code).toMatch(/^provider_(unavailable|throttled)$/)
        await world.fault(point, { type: 'status', status: 503 })
        await again(work)
      })

      where(traits.account, () => {
        it('a pause that it asks for is passed on and kept', async () => {
          await world.fault('write', { type: 'status', status: 429, headers: { 'retry-after': '7' } })
          const error = await failureOf(put(backend))
          expect(error).toMatchObject({
            code: 'provider_throttled',
            retry: { retryable: true, afterSeconds: 7 },
            context: { retryAfterSeconds: 7 },
          })
          await world.fault('write', { type: 'status', status: 429, headers: { 'retry-after': '7' } })
          await again(() => put(backend))
          expect(world.clock.waits[0]).toBeGreaterThanOrEqual(7000)
        })
      })

      where(traits.account, () => {
        it('a date that it asks to wait for is understood', async () => {
          const at = new Date(world.clock.now() + 30_000).toUTCString()
          await world.fault('write', { type: 'status', status: 503, headers: { 'retry-after': at } })
          const { retry } = await failureOf(put(backend))
          expect(retry.retryable && retry.afterSeconds).toBeGreaterThan(25)
        })
      })

      it('throttling without a pause is told apart from a refusal', async () => {
        await world.fault('write', { type: 'status', ...traits.throttling })
        expect(await failureOf(put(backend))).toMatchObject({
          code: 'provider_throttled',
          retry: { retryable: true },
        })
      })

      it.each(traits.garbage)('an HTML page with status %i is no answer', async (status) => {
        const { objectKey: key } = await stored()
        await world.fault('stat', { type: 'garbage', status })
        const error = await failureOf(backend.statEntry(key))
        expect(error.code).toMatch(/^provider_(unavailable|error)$/)
        expect(error.retry.retryable).toBe(true)
        expect(inspect(error, { depth: 9 })).not.toContain('<html')
        expect((await backend.statEntry(key)).size).toBe(5)
      })

      it('an HTML page in place of the answer to a creation makes one object in the end', async () => {
        const target = await newTarget(backend)
        await world.fault('write', { type: 'garbage' })
        await again(() => put(backend, target ? { target } : {}))
        expect(await standing()).toEqual(only(Buffer.from('hello')))
      })

      it('a download that is cut short ends in an error', async () => {
        const entry = await put(backend, { content: generated(300_000) })
        await world.fault('download', { type: 'truncate', afterBytes: 100_000 })
        const { body } = await backend.getObject(entry.objectKey)
        expect(await failureOf(bytesOf(body))).toMatchObject({
          code: 'provider_unavailable',
          retry: { retryable: true },
        })
      })

      where(traits.account, () => {
        it('a flipped bit shows in the hash that it answers', async () => {
          await world.fault('write', { type: 'corrupt' })
          const entry = await put(backend)
          const honest = await put(backend, { id: 'doc-2' })
          expect(entry.checksums).not.toEqual(honest.checksums)
        })
      })

      const stored = async (): Promise<ObjectEntry> => prepared ?? (await prepare())
      let prepared: ObjectEntry | undefined
      const prepare = async (): Promise<ObjectEntry> => {
        prepared = await put(backend, { id: 'prepared' })
        return prepared
      }
      beforeEach(() => {
        prepared = undefined
      })
    })

    describe('the account', () => {
      where(traits.account, () => {
        it('a full drive is an error of its own, never retried, and nothing is left', async () => {
          await account().setQuota(10)
          for (const content of [generated(1000), generated(CHUNK_SIZE + 1)]) {
            const error = await failureOf(put(backend, { content }))
            expect(error).toMatchObject({ code: 'provider_quota_exceeded', retry: { retryable: false } })
            expect(await standing()).toEqual(nothing)
          }
        })
      })

      where(traits.account, () => {
        it('a token that ends early is renewed once', async () => {
          const { objectKey: key } = await put(backend)
          await account().expireTokens()
          await put(backend, { content: generated(3_000_000), target: { kind: 'replace', objectKey: key } })
          expect(account().renewals()).toBe(1)
          expect(await backend.statObject(key)).toBe(3_000_000)
        })
      })

      where(traits.account, () => {
        it('a dead grant is the one error for it', async () => {
          await account().revoke()
          await account().expireTokens()
          expect(await failureOf(put(backend))).toBeInstanceOf(CloudConnectionError)
          expect(await backend.healthCheck()).toBe(false)
        })
      })

      where(traits.account, () => {
        it('a missing permission is no success', async () => {
          const other = await account().withoutScope()
          const error = await failureOf(put(other))
          expect(error.retry.retryable).toBe(false)
          expect(error.code).toMatch(/^connection_requires_reauth$|^provider_error$/)
          expect(await other.healthCheck()).toBe(false)
        })
      })

      it('says how full it is', async () => {
        await world.account?.setQuota(1_000_000)
        await put(backend, { content: generated(1234) })
        expect(await backend.quota()).toEqual(traits.account ? { used: 1234, limit: 1_000_000 } : undefined)
      })
    })

    describe('resumable uploads', () => {
      const size = 2 * CHUNK_SIZE + 12_345
      const part = (offset: number, length: number, total = size) => ({
        body: generated(total).open({ start: offset, end: offset + length - 1 }),
        offset,
        length,
        total,
      })

      it('begins, sends, says where it stands, and ends with the object', async () => {
        const uploads = resumable(backend)
        const plan = await planFor(backend, size)
        expect(await uploads.findUploaded(plan)).toBeUndefined()
        const session = await uploads.beginUpload(plan)
        expect(inspect(session)).not.toContain('http')
        expect(await uploads.queryUpload(session, size)).toMatchObject({ state: 'open', offset: 0 })
        for (const offset of [CHUNK_SIZE, 2 * CHUNK_SIZE]) {
          const progress = await uploads.sendBytes(session, part(offset - CHUNK_SIZE, CHUNK_SIZE))
          expect(progress).toMatchObject({ state: 'open', offset })
          expect(await uploads.queryUpload(session, size)).toMatchObject({ state: 'open', offset })
        }
        const end = await uploads.sendBytes(session, part(2 * CHUNK_SIZE, 12_345))
        expect(end).toMatchObject({ state: 'done', entry: { size } })
        expect(await standing()).toEqual(only(await bytesOf(generated(size).open())))
        const found = await uploads.findUploaded(plan)
        expect(found?.size).toBe(size)
        const after = await uploads.queryUpload(session, size)
        expect(after.state).not.toBe('open')
      })

      it('goes on in another process after a death in the middle', async () => {
        const plan = await planFor(backend, size)
        const first = resumable(backend)
        const session = await first.beginUpload(plan)
        await first.sendBytes(session, part(0, CHUNK_SIZE))
        await world.fault('send', { type: 'reset', afterBytes: 4_000_000 })
        await failureOf(first.sendBytes(session, part(CHUNK_SIZE, CHUNK_SIZE)))
        const second = resumable(world.backend())
        const asked = await second.queryUpload(session, size)
        if (asked.state !== 'open') throw new Error(`the session is ${asked.state}`)
        expect(asked.offset).toBeGreaterThanOrEqual(CHUNK_SIZE)
        let progress = await second.sendBytes(
          session,
          part(asked.offset, Math.min(CHUNK_SIZE, size - asked.offset)),
        )
        while (progress.state === 'open') {
          progress = await second.sendBytes(
            session,
            part(progress.offset, Math.min(CHUNK_SIZE, size - progress.offset)),
          )
        }
        expect(progress.state).toBe('done')
        expect(await standing()).toEqual(only(await bytesOf(generated(size).open())))
      })

      where(traits.account, () => {
        it('answers only what the provider has kept', async () => {
          const uploads = resumable(backend)
          const session = await uploads.beginUpload(await planFor(backend, size))
          await world.fault('send', { type: 'partial', bytes: 5 * 1024 * 1024 })
          const progress = await uploads.sendBytes(session, part(0, CHUNK_SIZE))
          expect(progress).toMatchObject({ state: 'open', offset: 5 * 1024 * 1024 })
        })
      })

      where(traits.account, () => {
        it('a put goes on from what the provider has kept', async () => {
          await world.fault('send', { type: 'partial', bytes: 5 * 1024 * 1024 })
          await put(backend, { content: generated(CHUNK_SIZE + 1) })
          expect(await standing()).toEqual(only(await bytesOf(generated(CHUNK_SIZE + 1).open())))
        })
      })

      it('cancels, frees the place and forgets the session', async () => {
        const uploads = resumable(backend)
        const plan = await planFor(backend, size)
        const session = await uploads.beginUpload(plan)
        await uploads.sendBytes(session, part(0, CHUNK_SIZE))
        await uploads.cancelUpload(session)
        await uploads.cancelUpload(session)
        await put(backend, { content: contentOf(Buffer.from('instead')), extension: '.bin' })
        expect((await world.held()).map((file) => file.size)).toEqual([7])
      })

      where(traits.placeholders, () => {
        it('ends with the empty object that was made for it, when its URL was lost', async () => {
          const uploads = resumable(backend)
          const plan = await planFor(backend, size)
          const target = await backend.createPlaceholder?.(plan)
          if (target?.kind !== 'placeholder') throw new Error('no placeholder')
          await uploads.beginUpload({ ...plan, target })
          expect(await world.openSessions()).toBe(1)
          expect(await uploads.findUploaded({ ...plan, target })).toBeUndefined()
          await backend.removePlaceholder?.(target.objectKey)
          await backend.removePlaceholder?.(target.objectKey)
          expect(await world.openSessions()).toBe(0)
          const next = await backend.createPlaceholder?.(plan)
          const session = await uploads.beginUpload({ ...plan, ...(next ? { target: next } : {}) })
          expect((await uploads.queryUpload(session, size)).state).toBe('open')
        })
      })

      where(traits.placeholders, () => {
        it('goes into the very object that was made for it', async () => {
          const uploads = resumable(backend)
          const plan = await planFor(backend, CHUNK_SIZE)
          const target = await backend.createPlaceholder?.(plan)
          // The answer to the first was lost: the same object is found.
          expect(await backend.createPlaceholder?.(plan)).toEqual(target)
          if (!target) throw new Error('no placeholder')
          const session = await uploads.beginUpload({ ...plan, target })
          const end = await uploads.sendBytes(session, part(0, CHUNK_SIZE, CHUNK_SIZE))
          expect(end).toMatchObject({ state: 'done', entry: { objectKey: target.objectKey } })
          expect(await uploads.findUploaded({ ...plan, target })).toMatchObject({ size: CHUNK_SIZE })
          // What has content is no placeholder any more, and stays.
          await backend.removePlaceholder?.(target.objectKey)
          expect(await backend.statObject(target.objectKey)).toBe(CHUNK_SIZE)
          expect(await backend.createPlaceholder?.(plan)).toEqual({ ...target, kind: 'replace' })
        })
      })

      it('an expired session is gone, not an error', async () => {
        const uploads = resumable(backend)
        const session = await uploads.beginUpload(await planFor(backend, size))
        await uploads.sendBytes(session, part(0, CHUNK_SIZE))
        await world.expireSessions()
        expect(await uploads.queryUpload(session, size)).toEqual({ state: 'gone' })
        expect(await uploads.sendBytes(session, part(CHUNK_SIZE, CHUNK_SIZE))).toEqual({ state: 'gone' })
      })

      it('a source that breaks leaves the session where the provider is', async () => {
        const uploads = resumable(backend)
        const session = await uploads.beginUpload(await planFor(backend, size))
        const body = breaking(size, 1_000_000, new Error('the disk is gone')).open({
          start: 0,
          end: CHUNK_SIZE - 1,
        })
        const error = await failureOf(
          uploads.sendBytes(session, { body, offset: 0, length: CHUNK_SIZE, total: size }),
        )
        expect(error.code).toBe('internal_error')
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(session.url.reveal())
        expect((await uploads.queryUpload(session, size)).state).toBe('open')
        await uploads.cancelUpload(session)
      })

      where(traits.account, () => {
        it('never signs a session’s requests', async () => {
          await put(backend, { content: generated(CHUNK_SIZE + 1) })
          const requests = await account().requests()
          const sent = requests.filter(
            ({ method, path }) => method === 'PUT' && /upload_id=|uploadSession/.test(path),
          )
          expect(sent.length).toBeGreaterThan(0)
          expect(sent.every(({ authorization }) => !authorization)).toBe(true)
        })
      })
    })
  })
}

async function targetOf(backend: Backend): Promise<{ target?: PutTarget }> {
  const target = await newTarget(backend)
  return target ? { target } : {}
}
