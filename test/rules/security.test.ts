import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const page = readFileSync('SECURITY.md', 'utf8')
/** A file, and the names of its tests that follow: `file` “name”, “name”. */
const references = [...page.matchAll(/`(test\/[\w./-]+)` ((?:[^|`]*?“[^”]+”)+)/g)].flatMap(
  ([, file = '', names = '']) =>
    [...names.matchAll(/“([^”]+)”/g)].map(([, name = '']): [string, string] => [file, name]),
)

describe('SECURITY.md', () => {
  it('names a test for every threat', () => {
    const threats = page.slice(page.indexOf('## Threats'), page.indexOf('## Not defended'))
    const rows = threats.split('\n').filter((line) => line.startsWith('| ') && !/^\| (threat|-)/.test(line))
    expect(rows.length).toBeGreaterThan(25)
    expect(rows.filter((row) => !/`test\/[^`]+` “/.test(row))).toEqual([])
  })

  it.each(references)('points at what is there: %s “%s”', (file, name) => {
    expect(existsSync(file)).toBe(true)
    expect(readFileSync(file, 'utf8')).toContain(name)
  })

  it('links to files that exist', () => {
    const links = [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path)
    expect(links.filter((path) => !existsSync(path))).toEqual([])
  })
})
