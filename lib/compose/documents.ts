import { required } from '../contract/env.ts'
import type { DocumentDeps } from '../documents/deps.ts'
import { retrying } from '../net/retry.ts'
import type { Composition } from './composition.ts'

/** For listing documents. */
export function openCatalog({ documents }: Composition): Pick<DocumentDeps, 'documents'> {
  return { documents: documents() }
}

/** For the storage operations. */
export function openDocuments(composition: Composition): DocumentDeps {
  const { settings, clock, outside } = composition
  return {
    documents: composition.documents(),
    connections: composition.connections(),
    openDriver: composition.openDriver,
    startHash: composition.startHash,
    retry: (run, signal) => retrying(run, { clock, random: outside.random, signal }),
    async cancelTransfer(row) {
      const { cancelTransfer } = await import('../intake/cancel.ts')
      await cancelTransfer(await composition.intake(), row)
    },
    async awaitUpload(upload) {
      const { awaitPresigned } = await import('../intake/presigned.ts')
      await awaitPresigned(await composition.intake(), upload)
    },
    async stageDownload({ row, driver, objectKey, signal }) {
      const { stageDownload } = await import('../documents/staging.ts')
      return stageDownload(await outside.s3(), required(settings, 'STAGING_BUCKET'), driver, {
        connectionId: row.connectionId,
        objectKey,
        fileName: `${row.documentId}${row.extension}`,
        contentType: row.contentType,
        signal,
      })
    },
    now: () => clock.now(),
  }
}
