import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/**
 * Lines of TypeScript that a room may have, comments included. Whoever makes one smaller lowers its number
 * here; whoever has to raise one says why in the commit.
 */
const budget: Readonly<Record<string, number>> = {
  'lib/aws': 460,
  'lib/catalog': 2795,
  'lib/changes': 410,
  'lib/compose': 736,
  'lib/connections': 1225,
  'lib/contract': 2737,
  'lib/documents': 1115,
  'lib/grants': 2490,
  'lib/http': 885,
  'lib/intake': 815,
  'lib/net': 1000,
  'lib/outbox': 240,
  'lib/providers': 400,
  'lib/queue': 340,
  'lib/storage': 860,
  'lib/telemetry': 220,
  'lib/transfer': 3775,
  'lib/users': 610,
  'lib/webhooks': 372,
  functions: 885,
  infra: 4860,
  cli: 3032,
  'client/src': 3063,
  'web/src': 2830,
  local: 3525,
}
/** How far a number may lie above what is there, before it has to come down. */
const slack = 150

/** A provider's own folder is measured by itself: there may be any number of them. */
const providerLines = 1440

const linesIn = (room: string): number =>
  globSync(room === 'lib/providers' ? `${room}/*.ts` : `${room}/**/*.{ts,tsx}`, {
    exclude: ['**/node_modules/**', '**/dist/**'],
  }).reduce((sum, file) => sum + readFileSync(file, 'utf8').split('\n').length - 1, 0)

describe('the size of a room', () => {
  it('is given for every room of lib', () => {
    const rooms = globSync('lib/*/').map((room) => room.replace(/\/$/, ''))
    expect(Object.keys(budget).filter((room) => room.startsWith('lib/'))).toEqual(rooms.toSorted())
  })

  it.each(Object.entries(budget))(
    '%s stays within %i lines, and the number follows what is there',
    (room, most) => {
      const lines = linesIn(room)
      expect(lines).toBeLessThanOrEqual(most)
      expect(lines).toBeGreaterThan(most - slack)
    },
  )

  it.each(globSync('lib/providers/*/'))('%s is no larger than a drive with everything', (folder) => {
    expect(linesIn(folder)).toBeLessThanOrEqual(providerLines)
  })
})
