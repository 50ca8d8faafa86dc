import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { released } from '../../docs/release.ts'

const text =
  '# Changelog\n\n## Unreleased\n\n- A line.\n- Another.\n\n## 0.1.0 (2026-11-01)\n\n- The first.\n'

it('moves what is unreleased under its version, and leaves the heading for what comes', () => {
  expect(released(text, '0.2.0', '2026-12-01')).toBe(
    '# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-12-01)\n\n- A line.\n- Another.\n\n## 0.1.0 (2026-11-01)\n\n- The first.\n',
  )
})

it('refuses a version that is out, that changes nothing, and a changelog without the heading', () => {
  expect(() => released(text, '0.1.0', '2026-12-01')).toThrow('0.1.0 already')
  expect(() => released(released(text, '0.2.0', '2026-12-01'), '0.3.0', '2026-12-02')).toThrow('says nothing')
  expect(() => released('# Changelog\n', '0.2.0', '2026-12-01')).toThrow('one heading')
})

it('takes the changelog as it is', () => {
  expect(released(readFileSync('CHANGELOG.md', 'utf8'), '99.0.0', '2026-12-01')).toContain(
    '## 99.0.0 (2026-12-01)\n\n- ',
  )
})

it('is what npm version runs, with the workspaces at the same version', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  expect(scripts['version']).toContain('docs/release.ts')
})
