import { describe, expect, it } from 'vitest'
import { documentIdPattern } from '../../../lib/ids.ts'
import { documentIdOf } from '../../../web/src/document-names.ts'
import { formatAge, formatBytes, formatShare } from '../../../web/src/format.ts'

describe('a documentId from a file name', () => {
  it.each([
    ['Rental agreement.pdf', 'Rental-agreement'],
    ['Überweisung März.PDF', 'Uberweisung-Marz'],
    ['archive.tar.gz', 'archive.tar'],
    ['.env', 'env'],
    ['契約書.pdf', 'document'],
    [`${'x'.repeat(300)}.pdf`, 'x'.repeat(120)],
  ])('%s reads %s', (name, id) => {
    expect(documentIdOf(name)).toBe(id)
    expect(documentIdOf(name, 50)).toBe(`${id}-50`)
    expect(documentIdOf(name, 50)).toMatch(documentIdPattern)
  })
})

describe('numbers for people', () => {
  it('counts bytes as the drives do', () => {
    expect([0, 1, 1023, 1024, 214_000, 15 * 1024 ** 3].map(formatBytes)).toEqual([
      '0 bytes',
      '1 byte',
      '1,023 bytes',
      '1 kB',
      '209 kB',
      '15 GB',
    ])
  })

  it('never says 100 % before it is all', () => {
    expect([0, 0.5, 0.9999, 1].map(formatShare)).toEqual(['0%', '50%', '99%', '100%'])
  })

  it('says how long ago as long as that says more than the date', () => {
    const now = Date.parse('2026-03-10T12:00:00Z')
    expect(formatAge('2026-03-10T11:59:30Z', now)).toBe('just now')
    expect(formatAge('2026-03-10T11:20:00Z', now)).toBe('40 minutes ago')
    expect(formatAge('2026-03-09T11:00:00Z', now)).toBe('yesterday')
    expect(formatAge('2026-02-01T11:00:00Z', now)).toContain('2026')
  })
})
