import type { Document, Driveway, UploadProgress } from '../../../client/src/browser.ts'
import { isDrivewayError, maxInlineBytes } from '../../../client/src/browser.ts'
import { documentIdOf, extensionOf, numbered, pathOf } from '../document-names.ts'

const maxNames = 50

/** A file of the queue, as far as sending it needs. */
interface Sendable {
  readonly name: string
  readonly type: string
  readonly data: unknown
  readonly meta: {
    readonly connectionId?: string | undefined
    readonly documentId?: string | undefined
    readonly owned?: boolean
  }
}

type Report = Pick<UploadProgress, 'phase' | 'bytesSent' | 'bytesStored'> & {
  readonly documentId: string
  readonly owned: boolean
  readonly interrupted?: boolean
}

/** Uploads under the first free name like the file's; once that name is its own, under the same again. */
export async function sendFile(
  driveway: Driveway,
  file: Sendable,
  names: Set<string>,
  signal: AbortSignal,
  report: (change: Report) => void,
): Promise<Document> {
  const { data, meta, name, type } = file
  if (!(data instanceof Blob)) throw new TypeError('the file is not on this device')
  const attempt = (documentId: string, ifExists: 'fail' | 'replace', number = 1): Promise<Document> => {
    let mostSent = 0
    return driveway.upload(data, {
      documentId,
      connectionId: meta.connectionId,
      name: numbered(pathOf(file), number),
      extension: extensionOf(name),
      contentType: type,
      ifExists,
      signal,
      onProgress({ phase, bytesSent, bytesStored }) {
        // An inline PUT whose answer was lost may have met somebody
        // else's document: it owns nothing before it is stored.
        const owned = ifExists === 'replace' || (phase !== 'preparing' && data.size > maxInlineBytes)
        const interrupted = phase === 'sending' && bytesSent < mostSent
        mostSent = Math.max(mostSent, bytesSent)
        report({ phase, bytesSent, bytesStored, documentId, owned, ...(interrupted && { interrupted }) })
      },
    })
  }
  if (meta.documentId !== undefined && meta.owned === true) return attempt(meta.documentId, 'replace')
  for (let number = 1; ; number += 1) {
    const documentId = documentIdOf(name, number)
    // Two files of one drop may have the same name.
    if (names.has(documentId)) continue
    names.add(documentId)
    try {
      return await attempt(documentId, 'fail', number)
    } catch (error) {
      if (!isDrivewayError(error, 'precondition_failed')) {
        names.delete(documentId)
        throw error
      }
      if (number >= maxNames) throw error
    }
  }
}
