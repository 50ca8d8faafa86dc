import type { Connection } from '../catalog/connections.ts'
import type { CompleteDeps } from '../connections/complete.ts'
import type { DisconnectDeps } from '../connections/disconnect.ts'
import type { Composition } from './composition.ts'
import { hallDeps } from './hall.ts'
import { lazilyWith } from './once.ts'

/** For completing a connection: what waited for it goes on. */
export function openComplete(composition: Composition): CompleteDeps {
  return lazilyWith(composition, {
    async onReconnected(connection: Connection) {
      const { wakeParked } = await import('../transfer/wake.ts')
      await wakeParked(hallDeps(composition), connection)
    },
  })
}

/** For disconnecting: what waited for the connection, or was under way, ends. */
export function openDisconnect(composition: Composition): DisconnectDeps {
  return lazilyWith(composition, {
    async cancelTransfers(connection: Connection) {
      const { endChangesOf } = await import('../transfer/wake.ts')
      await endChangesOf(hallDeps(composition), connection)
    },
  })
}
