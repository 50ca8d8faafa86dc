import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow, DocumentStatus } from '../catalog/document.ts'
import { cancelTransfer } from './cancel.ts'
import type { IntakeDeps } from './deps.ts'

const onTheirWay: readonly DocumentStatus[] = ['receiving', 'uploading', 'parked']
const pageSize = 100

/**
 * Ends everything under way on a connection that its user gives up: what was begun at the provider is taken back with the grant of
 * `connection` as given, intake objects are removed, and the documents say why they failed. Repeating it is harmless.
 */
export async function cancelTransfersOf(deps: IntakeDeps, connection: Connection): Promise<void> {
  const { connectionId } = connection
  const withGrant: IntakeDeps = { ...deps, openDriver: () => deps.openDriver(connection) }
  for (const status of onTheirWay) {
    // What is cancelled leaves the status, so every page is a first page.
    for (;;) {
      const { rows } = await deps.documents.listDocuments(connection, {
        connectionId,
        status,
        limit: pageSize,
      })
      for (const row of rows) await cancelDocument(withGrant, row)
      if (rows.length < pageSize) break
    }
  }
}

async function cancelDocument(deps: IntakeDeps, row: DocumentRow): Promise<void> {
  await cancelTransfer(deps, row)
  const error = {
    code: 'connection_not_found',
    detail: 'The user disconnected the drive before the document had arrived there.',
  } as const
  await deps.documents.updateDocument(row, {
    status: 'failed',
    error,
    parkedOn: undefined,
    bytesTransferred: undefined,
  })
}
