import { ServiceError } from '../errors.ts'
import type { DocumentId, Extension, Owner } from '../ids.ts'
import { parseDocumentId, parseExtension } from '../ids.ts'
import type { DocumentRow } from './document.ts'
import type { DocumentCatalog } from './documents.ts'

/** The two parts that a document's file is named by. */
export interface NamedDocument {
  readonly documentId: DocumentId
  readonly extension: Extension
}

/**
 * The documents that a file name may mean, the likelier one first: a name that ends like an extension is read
 * as having one, but a document id may also end so (`report.pdf`). No other two documents share a name.
 */
export function readFileName(name: string): readonly NamedDocument[] {
  const dot = name.lastIndexOf('.')
  const cuts = dot > 0 ? [dot, name.length] : [name.length]
  return cuts.flatMap((cut) => {
    const documentId = parseDocumentId(name.slice(0, cut))
    const extension = parseExtension(name.slice(cut))
    return documentId !== undefined && extension !== undefined ? [{ documentId, extension }] : []
  })
}

/**
 * Refuses a document whose file would have the name of another document's: in the intake bucket, on OneDrive
 * and on S3 they would be one object. `before` is the document's own row; what is stored under this name
 * already stays where it is.
 */
export async function refuseSharedName(
  documents: Pick<DocumentCatalog, 'getDocument'>,
  wanted: NamedDocument & Owner,
  before: DocumentRow | undefined,
): Promise<void> {
  const { documentId, extension } = wanted
  if (before?.objectExists === true && before.extension === extension) return
  const twin = readFileName(`${documentId}${extension}`).find((other) => other.documentId !== documentId)
  const row = twin && (await documents.getDocument(wanted, twin.documentId))
  if (twin === undefined || row?.extension !== twin.extension) return
  throw new ServiceError(
    'invalid_request',
    `path.documentId: with this extension it has the same file name as document ${twin.documentId}; choose another id`,
  )
}
