import type { Document, Driveway, UploadProgress } from '../../../client/src/browser.ts'
import { isDrivewayError, maxInlineBytes } from '../../../client/src/browser.ts'
import type { Unfinished } from './unfinished.ts'
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

/**
 * Uploads under the first free name like the file's; once that name is its own, under the same again. What
 * broke off, even before the page was loaded anew, goes on; what is cancelled is taken back.
 */
export async function sendFile(
  driveway: Driveway,
  file: Sendable,
  { names, unfinished }: { readonly names: Set<string>; readonly unfinished: Unfinished },
  signal: AbortSignal,
  report: (change: Report) => void,
): Promise<Document> {
  const { data, meta, name, type } = file
  if (!(data instanceof Blob)) throw new TypeError('the file is not on this device')
  const chosen = data instanceof File ? data : undefined
  const left = chosen && unfinished.of(chosen)
  const attempt = async (documentId: string, ifExists: 'fail' | 'replace', number = 1): Promise<Document> => {
    let mostSent = 0
    let isOnItsWay = false
    const upload = driveway.upload(data, {
      documentId,
      connectionId: meta.connectionId,
      name: numbered(pathOf(file), number),
      extension: extensionOf(name),
      contentType: type,
      ifExists,
      resumable: true,
      uploadId: left?.documentId === documentId ? left.uploadId : undefined,
      onUploadId: (uploadId) => chosen && unfinished.keep(chosen, { documentId, uploadId }),
      signal,
      onProgress({ phase, bytesSent, bytesStored }) {
        // An inline PUT whose answer was lost may have met somebody
        // else's document: it owns nothing before it is stored.
        const owned = ifExists === 'replace' || (phase !== 'preparing' && data.size > maxInlineBytes)
        const interrupted = phase === 'sending' && bytesSent < mostSent
        mostSent = Math.max(mostSent, bytesSent)
        if (phase === 'storing' && !isOnItsWay && chosen) unfinished.drop(chosen)
        isOnItsWay ||= phase === 'storing'
        report({ phase, bytesSent, bytesStored, documentId, owned, ...(interrupted && { interrupted }) })
      },
    })
    try {
      return await upload
    } catch (error) {
      if (signal.aborted) await takeBack(driveway, documentId, isOnItsWay && ifExists === 'fail')
      if (signal.aborted && chosen) unfinished.drop(chosen)
      throw error
    }
  }
  if (left && meta.documentId === undefined && !names.has(left.documentId)) {
    names.add(left.documentId)
    try {
      return await attempt(left.documentId, 'fail')
    } catch (error) {
      // Meanwhile another file stands there: this one takes the next name.
      if (!isDrivewayError(error, 'precondition_failed')) throw error
      if (chosen) unfinished.drop(chosen)
    }
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

/** The parts that were sent, or the new document that they have become; never a version that stood before. */
async function takeBack(driveway: Driveway, documentId: string, isNewAndWhole: boolean): Promise<void> {
  const undo = isNewAndWhole
    ? driveway.documents.delete(documentId)
    : driveway.documents.cancelUpload(documentId)
  // What could not be taken back shows in the list.
  await undo.catch(() => undefined)
}
