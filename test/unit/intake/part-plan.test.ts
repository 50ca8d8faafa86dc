import { expect, test } from 'vitest'
import { maxPartsBytes, minPartsBytes } from '../../../lib/contract/limits.ts'
import { partBytes, partPlan } from '../../../lib/intake/part-plan.ts'

const MiB = 1024 * 1024
const GiB = 1024 * MiB

test.each([
  ['the least', minPartsBytes, 8 * MiB, 1],
  ['200 MB', 200_000_000, 8 * MiB, 24],
  ['12 GiB', 12 * GiB, 8 * MiB, 1536],
  ['a byte more than small parts can carry', 80_000 * MiB + 1, 9 * MiB, 8889],
  ['the largest file of OneDrive', 250 * GiB, 26 * MiB, 9847],
  ['the largest file of Google Drive', maxPartsBytes, 525 * MiB, 9987],
])('%s is cut into parts that S3 takes', (_what, size, partSize, partCount) => {
  const plan = partPlan(size)
  expect(plan).toEqual({ partSize, partCount })
  expect(plan.partCount).toBeLessThanOrEqual(10_000)
  expect(plan.partSize).toBeLessThanOrEqual(5 * GiB)
  const last = partBytes(size, plan, partCount)
  expect(last).toBeGreaterThan(0)
  expect(last).toBeLessThanOrEqual(partSize)
  expect((partCount - 1) * partSize + last).toBe(size)
  expect(partBytes(size, plan, 1)).toBe(Math.min(size, partSize))
})
