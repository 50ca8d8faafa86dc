import { strayRows } from '../catalog/erasures.ts'
import { disconnectConnection } from '../connections/disconnect.ts'
import { required } from '../contract/env.ts'
import { deleteDocument } from '../documents/delete-document.ts'
import { disconnectGrant } from '../grants/connect.ts'
import { eraseDocuments } from '../users/erase-documents.ts'
import type { EraseUsersDeps } from '../users/erase-users.ts'
import { ownBuckets } from '../users/own-buckets.ts'
import type { Composition } from './composition.ts'
import { openDisconnect } from './connections.ts'
import { openDocuments } from './documents.ts'
import { lazilyWith } from './once.ts'
import { withWebhooks } from './webhooks.ts'

/** Lambda's own longest. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const longestRunSeconds = 900

/** For erasing, until `deadline`, epoch milliseconds. */
export function openErasure(composition: Composition, deadline: number): EraseUsersDeps {
  const { settings, outside, clock } = composition
  const setting = (name: Parameters<typeof required>[1]): string => required(settings, name)
  const isOver = (): boolean => clock.now() >= deadline
  const signal = AbortSignal.timeout(Math.max(0, deadline - clock.now()))
  const documents = openDocuments(composition)
  const disconnect = openDisconnect(composition)
  // What is under way on the connection ends with its documents.
  const walk = () => Promise.resolve()
  const tables = { authorizations: setting('AUTHORIZATIONS_TABLE'), transfers: setting('TRANSFERS_TABLE') }
  return lazilyWith(withWebhooks(composition), {
    isOver,
    eraseDocuments: eraseDocuments({
      ...documents,
      isOver,
      deleteForGood: (whom, documentId) =>
        deleteDocument(documents, { ...whom, documentId, permanent: true, signal }),
    }),
    disconnect: async (connection: Parameters<EraseUsersDeps['disconnect']>[0]) => {
      await disconnectConnection(lazilyWith(disconnect, { walk }), { ...connection, signal })
    },
    forgetGrant: (holder: Parameters<EraseUsersDeps['forgetGrant']>[0]) =>
      disconnectGrant(composition, holder),
    stray: strayRows(outside.dynamo(), tables),
    buckets: ownBuckets(outside.s3, [setting('INTAKE_BUCKET'), setting('STORAGE_BUCKET')]),
    longestRunMs: Number(settings['LONGEST_RUN_SECONDS'] ?? longestRunSeconds) * 1000,
  })
}
