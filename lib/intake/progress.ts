import type { TransferRow } from '../catalog/transfer.ts'
import type { IntakeDeps } from './deps.ts'

const intervalMs = 1000

export interface Progress {
  /** Takes what has been sent by now; writes it at most once a second. */
  report(bytes: number): void
  /** Resolves when no write is under way; nothing is written after it. */
  end(): Promise<void>
}

/** Shows how far a transfer is in its document's row. A write that is lost to another writer is not repeated: the next one comes. */
export function openProgress(deps: IntakeDeps, row: TransferRow): Progress {
  let nextAt = deps.clock.now() + intervalMs
  let writing: Promise<void> | undefined
  let ended = false

  const write = async (bytes: number): Promise<void> => {
    const document = await deps.documents.getDocument(row, row.documentId)
    if (ended || document?.status !== 'uploading') return
    await deps.documents.updateDocument(document, { bytesTransferred: bytes })
  }
  return {
    report(bytes) {
      const now = deps.clock.now()
      if (writing || ended || now < nextAt) return
      nextAt = now + intervalMs
      writing = write(bytes)
        // Progress is for show; whatever keeps it from being written shows itself elsewhere.
        .catch(() => undefined)
        .finally(() => {
          writing = undefined
        })
    },
    async end() {
      ended = true
      await writing
    },
  }
}
