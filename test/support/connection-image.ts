import { newConnectionId } from '../../lib/ids.ts'
import { caller } from './grants-world.ts'

/** A connection as its table's change stream shows it. */
export const connectionImage = (more: object = {}) => ({
  ...caller('alice'),
  connectionId: newConnectionId(),
  provider: 'google-drive',
  status: 'active',
  createdAt: '2026-11-27T10:00:00.000Z',
  updatedAt: '2026-11-27T10:00:01.000Z',
  version: 2,
  ...more,
})
