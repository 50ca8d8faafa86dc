import { describe, expect, test } from 'vitest'
import { documentIdOf } from '../../../cli/document-names.ts'
import { documentIdPattern } from '../../../lib/ids.ts'

describe('a documentId from a path', () => {
  test.each([
    ['report.pdf', 'report-pdf'],
    ['report-2026.pdf', 'report-2026-pdf'],
    ['scans/2026/b.pdf', 'scans--2026--b-pdf'],
  ])('%s stays legible', (path, id) => {
    expect(documentIdOf(path)).toBe(id)
  })

  test.each([
    ['Scan 7 März.pdf', 'Scan-7-Marz'],
    ['report', 'report'],
    ['archive.tar.gz', 'archive.tar'],
    ['合同.txt', 'document'],
    ['_x.txt', 'x'],
    [`${'x'.repeat(300)}.pdf`, 'x'.repeat(90)],
  ])('%s is told apart by its hash', (path, legible) => {
    expect(documentIdOf(path)).toMatch(new RegExp(`^${legible}---[0-9a-f]{20}$`))
    expect(documentIdOf(path)).toMatch(documentIdPattern)
  })

  test('no two paths share one', () => {
    // Near ones: what stands for a folder, an extension or a hash in the id of another; two Unicode forms.
    const parts = ['a', 'b-c', 'b--c', 'b.c', '-', 'ä', 'a\u0308', 'é.txt', 'e\u0301.txt', 'x-txt', 'x.txt']
    const folders = parts.flatMap((one) => parts.map((two) => `${one}/${two}`))
    const paths = [...parts, ...folders, ...folders.map((path) => `${path}.pdf`)]
    const ids = paths.map(documentIdOf)
    expect(new Set([...ids, ...ids.map(documentIdOf)]).size).toBe(new Set([...paths, ...ids]).size)
    for (const id of ids) expect(id).toMatch(documentIdPattern)
  })
})
