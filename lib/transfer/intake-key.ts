import type { NamedDocument } from '../catalog/same-name.ts'
import { readFileName } from '../catalog/same-name.ts'
import type { ConnectionId, DocumentId, UserKey } from '../ids.ts'
import { parseConnectionId, parseDocumentId, parseUserKey } from '../ids.ts'

interface Where {
  readonly userKey: UserKey
  readonly connectionId: ConnectionId
}

/** What another system names by the key of an object that it drops into the intake bucket. */
export interface Dropped extends Where, NamedDocument {}

/**
 * The change that an upload URL belongs to: its id in the key, so
 * that nothing of another change can be fed by it.
 */
export interface Announced extends Where {
  readonly documentId: DocumentId
  readonly changeId: string
}

/** `{userKey}/{connectionId}/{documentId}/~{changeId}` */
export function announcedKey({ userKey, connectionId, documentId, changeId }: Announced): string {
  return `${userKey}/${connectionId}/${documentId}/~${changeId}`
}

/**
 * What a key names; `drops` holds the likelier reading first and is
 * empty when the key does not fit the scheme.
 */
export function readIntakeKey(
  key: string,
): { readonly announced: Announced } | { readonly drops: readonly Dropped[] } {
  const [user = '', connection = '', name = '', tail, ...rest] = key.split('/')
  const userKey = parseUserKey(user)
  const connectionId = parseConnectionId(connection)
  if (!userKey || !connectionId || rest.length > 0) return { drops: [] }
  if (tail === undefined)
    return { drops: readFileName(name).map((named) => ({ userKey, connectionId, ...named })) }
  const documentId = parseDocumentId(name)
  const changeId = /^~([0-9a-f-]{36})$/.exec(tail)?.[1]
  return documentId && changeId
    ? { announced: { userKey, connectionId, documentId, changeId } }
    : { drops: [] }
}
