import type { ConnectionId, DocumentId, Extension, UserKey } from '../ids.ts'
import { parseConnectionId, parseDocumentId, parseExtension, parseUserKey } from '../ids.ts'

/** What a key of the intake bucket names. */
export interface IntakeAddress {
  readonly userKey: UserKey
  readonly connectionId: ConnectionId
  readonly documentId: DocumentId
  readonly extension: Extension
}

/** `{userKey}/{connectionId}/{documentId}{extension}` */
export function intakeKeyOf(address: IntakeAddress): string {
  return `${address.userKey}/${address.connectionId}/${address.documentId}${address.extension}`
}

/**
 * What a key may name, the likelier reading first: a name that ends like an extension is read as having one, but a document id
 * may also end so (`report.pdf` without an extension). Empty when the key does not fit the scheme.
 */
export function readIntakeKey(key: string): readonly IntakeAddress[] {
  const [user = '', connection = '', name = '', ...rest] = key.split('/')
  const userKey = parseUserKey(user)
  const connectionId = parseConnectionId(connection)
  if (!userKey || !connectionId || rest.length > 0) return []
  const dot = name.lastIndexOf('.')
  const cuts = dot > 0 ? [dot, name.length] : [name.length]
  return cuts.flatMap((cut) => {
    const documentId = parseDocumentId(name.slice(0, cut))
    const extension = parseExtension(name.slice(cut))
    return documentId && extension !== undefined ? [{ userKey, connectionId, documentId, extension }] : []
  })
}
