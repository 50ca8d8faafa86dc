import { expect, test } from 'vitest'
import { nameOf } from '../../../lib/storage/free-name.ts'

test('a name has one mark at most, also when it was found from a name that has one', () => {
  let name = 'report.pdf'
  const seen = new Set([name])
  for (let attempt = 0; attempt < 5; attempt += 1) {
    name = nameOf({ file: name }, 1)
    expect(name).toMatch(/^report \([0-9a-f]{8}\)\.pdf$/)
    seen.add(name)
  }
  expect(seen.size).toBe(6)
})
