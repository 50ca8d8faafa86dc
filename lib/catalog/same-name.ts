import { ServiceError } from '../errors.ts'
import type { DocumentId, Extension, UserKey } from '../ids.ts'
import { parseDocumentId, parseExtension } from '../ids.ts'
import type { DocumentRow } from './document.ts'
import type { DocumentStore } from './documents.ts'

/** The two parts that a document's file is named by. */
export interface NamedDocument {
  readonly documentId: DocumentId
  readonly extension: Extension
}

/**
 * The documents that a file name may mean, the likelier one first: a name that
 * ends like an extension is read as having one, but a document id may also end
 * so (`report.pdf` without an extension). No other two documents share a name.
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

/** The one other document that would have the same file name, if there can be one. */
export function twinOf({ documentId, extension }: NamedDocument): NamedDocument | undefined {
  return readFileName(`${documentId}${extension}`).find((other) => other.documentId !== documentId)
}

/**
 * Refuses a document whose file would be named as another document's of this user is:
 * in the intake bucket, on OneDrive and on S3 both would be one object. `before` is the
 * document's own row; one that is stored under this name already stays where it is. `read`: the other
 * document, where it was just read.
 */
export async function refuseSharedName(
  documents: Pick<DocumentStore, 'get'>,
  wanted: NamedDocument & { readonly userKey: UserKey },
  before: DocumentRow | undefined,
  read: { readonly twin?: DocumentRow | undefined } = {},
): Promise<void> {
  const { userKey, documentId, extension } = wanted
  if (before?.standing?.extension === extension) return
  const twin = twinOf({ documentId, extension })
  const row =
    twin && ('twin' in read ? read.twin : await documents.get({ userKey, documentId: twin.documentId }))
  const taken = row?.standing?.extension ?? row?.change?.extension
  if (twin === undefined || taken !== twin.extension) return
  throw new ServiceError(
    'invalid_request',
    `path.documentId: with this extension it has the same file name as document ${twin.documentId}; choose another id`,
  )
}
