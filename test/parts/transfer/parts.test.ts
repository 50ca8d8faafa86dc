import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { cancelIntake, completeParts, openParts, startParts } from '../../../lib/intake/parts.ts'
import type { PartCalls } from '../../../lib/transfer/bucket-parts.ts'
import { walkConnection } from '../../../lib/transfer/wake.ts'
import { hallWorld } from '../../support/hall-world.ts'
import { randomBytes } from '../../support/intake-world.ts'

const MiB = 1024 * 1024
const content = randomBytes(9 * MiB)
const world = hallWorld('google-drive')
const who = () => ({ ...world.where(), userId: world.connection.userId })

async function begin() {
  const { connection, opened } = world
  const deps = { ...opened.deps, chooseConnection: () => Promise.resolve(connection) }
  const asked = { ...who(), contentType: 'application/octet-stream', size: content.length }
  return (await startParts(deps, asked)).upload
}
async function send({ parts, partSize }: Awaited<ReturnType<typeof begin>>): Promise<void> {
  for (const { number, url } of parts)
    await fetch(url, { method: 'PUT', body: content.subarray((number - 1) * partSize, number * partSize) })
}
/** Uploads in the intake bucket that nobody has completed or ended. */
async function openInBucket(): Promise<number> {
  const { s3, deps } = world.opened
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: deps.bucket.name }))
  return Uploads.filter(({ Key = '' }) => Key.startsWith(`${world.connection.userKey}/`)).length
}

test('parts of an upload that nobody went on with are gone when it ends', async () => {
  const upload = await begin()
  await send(upload)
  await world.sweepAfter(6 * 24 * 3600)
  expect(await openParts(world.opened.deps, who())).toMatchObject({ upload: { stored: [{}, {}] } })
  await world.sweepAfter(26 * 3600)
  expect(await world.document()).toMatchObject({ status: 'failed', error: { code: 'object_missing' } })
  expect(await openInBucket()).toBe(0)
})

test.each([
  ['a newer put', async () => void (await world.put(randomBytes(100)))],
  ['a delete', async () => await world.remove()],
  ['a newer upload', async () => void (await world.upload(randomBytes(100)))],
  ['a cancel', async () => await cancelIntake(world.opened.deps, who())],
  [
    'the end of its connection',
    async () => {
      const { connections, deps } = world.opened
      await connections.update(world.connection, { status: 'disconnected' })
      await walkConnection(deps, world.connection, deps.clock.now() + 60_000)
    },
  ],
])('parts are gone after %s', async (_what, act) => {
  await send(await begin())
  expect(await openInBucket()).toBe(1)
  await act()
  expect(await openInBucket()).toBe(0)
})

test('an upload outlives a put that fails', async () => {
  const upload = await begin()
  await world.place.full(true)
  await expect(world.put(randomBytes(500))).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
  await world.place.full(false)
  await send(upload)
  await completeParts(world.opened.deps, { ...who(), uploadId: upload.uploadId })
  await world.deliverQueue()
  await world.expectAtRest(content)
})

test('a completion whose answer is lost is repeated, and is one', async () => {
  const upload = await begin()
  await send(upload)
  const { deps } = world.opened
  const calls = await deps.bucket.parts()
  const lost: PartCalls = {
    ...calls,
    async complete(...given) {
      await calls.complete(...given)
      throw new Error('the answer was lost')
    },
  }
  const asked = { ...who(), uploadId: upload.uploadId }
  const losing = { ...deps, bucket: { ...deps.bucket, parts: () => Promise.resolve(lost) } }
  await expect(completeParts(losing, asked)).rejects.toThrow('lost')
  expect(await completeParts(deps, asked)).toMatchObject({ change: { state: 'receiving' } })
  await world.deliverQueue()
  await world.expectAtRest(content)
  expect(await completeParts(deps, asked)).toMatchObject({ last: { outcome: 'stored' } })
})

test('a cancel in the moment of arrival says so, and the document arrives', async () => {
  const upload = await begin()
  await send(upload)
  const { deps } = world.opened
  await completeParts(deps, { ...who(), uploadId: upload.uploadId })
  const documents = {
    ...deps.documents,
    async settle(...given: Parameters<typeof deps.documents.settle>) {
      await world.deliverQueue()
      return await deps.documents.settle(...given)
    },
  }
  await expect(cancelIntake({ ...deps, documents }, who())).rejects.toMatchObject({ code: 'document_busy' })
  await world.expectAtRest(content)
})
