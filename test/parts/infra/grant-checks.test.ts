import { expect, test } from 'vitest'
import type { GrantCount } from '../../../infra/operate/grant-checks.ts'
import { findingsOf } from '../../../infra/operate/grant-checks.ts'

const now = Date.parse('2026-11-27T12:00:00Z')

/** What the doctor says of a deployment with these rows and secrets. */
function says(count: Partial<GrantCount>): string[] {
  const secrets = count.secrets ?? []
  const all = { connections: [], grants: [], cells: [], secretsBefore: secrets, secrets, ...count }
  return findingsOf(all, now).map((finding) => `${finding.kind}: ${finding.says}`)
}

const active = (connectionId: string) => ({ connectionId, status: 'active' })
const cell = 'cells/onedrive/1'

test('a deployment whose grants are where their rows say is well', () => {
  const grants = [
    { connectionId: 'a', key: 1, at: cell, sealedWith: 'k1' },
    { connectionId: 'b', key: 1, at: 'connections/b/x', sealedWith: 'k2' },
    { connectionId: 'c', goes: ['connections/c/y'] },
  ]
  const secrets = [cell, 'connections/b/x', 'connections/c/y', 'connections/d']
  const connections = [active('a'), active('b'), active('d'), { connectionId: 'c', status: 'disconnected' }]
  expect(says({ grants, secrets, connections, cells: [{ cell }] })).toEqual([
    'ok: 2 grants in 1 cells, 2 secrets of their own and 1 of an earlier version',
    'ok: grants are sealed: 1 with k1, 1 with k2',
  ])
})

test('what does not match is named', () => {
  const grants = [
    { connectionId: 'lost', key: 1, at: cell, sealedWith: 'k1' },
    {
      connectionId: 'late',
      key: 1,
      at: 'connections/late/x',
      sealedWith: 'k1',
      packAt: '2026-11-20T00:00:00Z',
    },
  ]
  const secrets = ['connections/late/x', 'cells/nobody']
  const connections = [active('lost'), active('bare'), { connectionId: 'late', status: 'disconnected' }]
  expect(says({ grants, secrets, connections, cells: [{ cell }] }).slice(2)).toEqual([
    'fault: 1 grants point at a secret that is not there: lost',
    'note: 1 secrets that nothing names: cells/nobody',
    'note: 1 active connections have no grant: bare',
    'note: 1 grants of connections that are not connected: late',
    'fault: 1 grants wait for the packer for two days',
  ])
})

test('a grant that moves while it is counted is not lost, and its new secret not nameless', () => {
  const grants = [{ connectionId: 'a', key: 1, at: 'connections/a/x', sealedWith: 'k1' }]
  const moving = { secretsBefore: ['connections/a/x'], secrets: [cell], connections: [active('a')] }
  expect(says({ grants, ...moving })).toHaveLength(2)
})
