import { describe, expect, test } from 'vitest'
import { hallWorld } from '../../support/hall-world.ts'
import { randomBytes, sha256 } from '../../support/intake-world.ts'
import type { FaultAction, FaultMatch } from '../../support/simulators.ts'

const part = 10 * 1024 * 1024

describe('a document on its way to a bucket', () => {
  const world = hallWorld('s3')
  const expectStored = async (content: Uint8Array): Promise<void> => {
    expect(await world.played.pendingFaults()).toBe(0)
    const [file, ...others] = await world.files()
    expect([file?.size, file?.sha256, others]).toEqual([content.length, sha256(content), []])
    expect(await world.document()).toMatchObject({
      status: 'stored',
      size: content.length,
      objectKey: file?.id,
      // The hash of an object in parts is one of hashes, which says nothing of the whole.
      checksum: { verdict: content.length > part ? 'unverified' : 'verified' },
    })
    expect((await world.row()).open).toBeUndefined()
    expect(await world.intake()).toEqual([])
  }

  test.each([
    ['empty', 0],
    ['small', 70_001],
    ['exactly one part', part],
    ['two parts, the last one short', part + 5],
  ])('is stored once and bit for bit when it is %s', async (_name, size) => {
    const content = randomBytes(size)
    await world.ingest(content)
    await expectStored(content)
  })

  const steps: [string, FaultMatch, number][] = [
    ['opening the multipart upload', { method: 'POST', path: String.raw`\?uploads` }, part + 5],
    ['a part', { method: 'PUT', path: 'x-id=UploadPart' }, part + 5],
    ['completing it', { method: 'POST', path: 'uploadId=' }, part + 5],
    ['a small document', { method: 'PUT', path: 'x-id=PutObject' }, 90_000],
  ]
  const faults: [string, FaultAction][] = [
    ['a reset', { type: 'reset' }],
    ['a lost answer', { type: 'commit-then-reset' }],
    ['503', { type: 'status', status: 503, reason: 'SlowDown' }],
    ['500', { type: 'status', status: 500 }],
    ['HTML for an answer', { type: 'garbage' }],
  ]
  test.each(
    steps.flatMap(([step, match, size]) =>
      faults.map(([fault, action]) => [fault, step, match, action, size] as const),
    ),
  )('%s at %s leaves one whole document', async (fault, step, match, action, size) => {
    const content = randomBytes(size)
    await world.played.fault(match, action)
    await world.ingest(content)
    await expectStored(content)
    // An upload id that was lost is ended by the bucket's lifecycle rule.
    const lost = step === 'opening the multipart upload' && fault === 'a lost answer' ? 1 : 0
    expect(await world.place.sessions()).toBe(lost)
  })
})
