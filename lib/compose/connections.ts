import type { Connection } from '../catalog/connections.ts'
import { accountSharing } from '../catalog/shared-accounts.ts'
import type { CompleteDeps } from '../connections/complete.ts'
import type { DisconnectDeps } from '../connections/disconnect.ts'
import { required } from '../contract/env.ts'
import { enqueueOne } from '../intake/enqueue.ts'
import { walkMessage } from '../queue/row-message.ts'
import type { Composition } from './composition.ts'
import { queueOf } from './hall.ts'
import { lazilyWith } from './once.ts'

/** Has somebody go on with what is open on a connection, outside the request that has changed it. */
const walkIn =
  (composition: Composition) =>
  (connection: Connection): Promise<void> =>
    enqueueOne(queueOf(composition, 'SHORT_QUEUE_URL'), {
      body: walkMessage(connection),
      group: connection.userKey,
    })

/** For completing a connection: what waited for it goes on. */
export function openComplete(composition: Composition): CompleteDeps {
  return lazilyWith(composition, { walk: walkIn(composition) })
}

/** For disconnecting: what waited for the connection, or was under way, ends. */
export function openDisconnect(composition: Composition): DisconnectDeps {
  const { outside, settings } = composition
  return lazilyWith(composition, {
    walk: walkIn(composition),
    sharesAccount: (connection: Connection) =>
      accountSharing(
        outside.dynamo(),
        required(settings, 'CONNECTIONS_TABLE'),
        composition.connections,
      )(connection),
  })
}
