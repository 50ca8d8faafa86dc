import { expect, it } from 'vitest'
import { printable, table } from '../../../cli/output.ts'

it.each<[string, string, string]>([
  ['the window’s title', 'a\u001B]0;owned\u0007b', String.raw`a\u001b]0;owned\u0007b`],
  ['the cursor', 'a\u001B[2K\u001B[1Ab', String.raw`a\u001b[2K\u001b[1Ab`],
  ['a line already written', 'a\rb\bc', String.raw`a\u000db\u0008c`],
  ['eight-bit controls', 'a\u009B2Jb\u007F', String.raw`a\u009b2Jb\u007f`],
])('others’ words do not reach %s', (_what, hostile, shown) => {
  expect(printable(hostile)).toBe(shown)
  expect(printable(JSON.stringify({ name: hostile }))).not.toMatch(/\p{Cc}/u)
})

it('text in any script, line ends, tabs and our own bold come through', () => {
  const text = 'Grüße 株式会社 👩‍👩‍👧\n\tnext'
  expect(printable(text)).toBe(text)
  const shown = table(['name'], [['x']])
  expect(printable(shown)).toBe(shown)
})
