import type { Connection } from '../catalog/connections.ts'
import type { TransferRow } from '../catalog/transfer.ts'
import type { Page } from '../catalog/table.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { IntakeDeps } from './deps.ts'
import { intakeKeyOf } from './intake-key.ts'

/**
 * Puts every document that waits for this connection back into the queue; answers how many. Call it when a reconnect is complete.
 * A repeat is harmless, and what it misses (the index lags by a moment) the sweeper finds.
 */
export async function wakeParked(
  deps: Pick<IntakeDeps, 'documents' | 'enqueue'> & { readonly bucket: { readonly name: string } },
  connection: Pick<Connection, 'connectionId'>,
): Promise<number> {
  let woken = 0
  let startKey: Page<DocumentRow>['nextKey']
  do {
    const page = await deps.documents.listParked(connection.connectionId, startKey)
    for (const row of page.rows) await deps.enqueue({ bucket: deps.bucket.name, key: intakeKeyOf(row) })
    woken += page.rows.length
    startKey = page.nextKey
  } while (startKey !== undefined)
  return woken
}

/** Puts a transfer back into the queue. */
export async function announceTransfer(deps: IntakeDeps, row: TransferRow): Promise<void> {
  const { etag, sequencer } = row.source ?? {}
  await deps.enqueue({
    bucket: deps.bucket.name,
    key: row.source?.key ?? intakeKeyOf(row),
    ...(etag === undefined ? {} : { etag }),
    ...(sequencer === undefined ? {} : { sequencer }),
  })
}
