import type { NamedDocument } from '../catalog/same-name.ts'
import { readFileName } from '../catalog/same-name.ts'
import type { ConnectionId, UserKey } from '../ids.ts'
import { parseConnectionId, parseUserKey } from '../ids.ts'

/** What a key of the intake bucket names. */
export interface IntakeAddress extends NamedDocument {
  readonly userKey: UserKey
  readonly connectionId: ConnectionId
}

/** `{userKey}/{connectionId}/{documentId}{extension}` */
export function intakeKeyOf(address: IntakeAddress): string {
  return `${address.userKey}/${address.connectionId}/${address.documentId}${address.extension}`
}

/** What a key may name, the likelier reading first. Empty when the key does not fit the scheme. */
export function readIntakeKey(key: string): readonly IntakeAddress[] {
  const [user = '', connection = '', name = '', ...rest] = key.split('/')
  const userKey = parseUserKey(user)
  const connectionId = parseConnectionId(connection)
  if (!userKey || !connectionId || rest.length > 0) return []
  return readFileName(name).map((named) => ({ userKey, connectionId, ...named }))
}
