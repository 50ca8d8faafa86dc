import * as z from 'zod/mini'
import type { ConnectionId, DocumentId, UserKey } from '../ids.ts'
import { parseConnectionId, parseDocumentId, parseUserKey } from '../ids.ts'

/** Which document somebody is to look at. */
interface RowKey {
  readonly userKey: UserKey
  readonly documentId: DocumentId
}

/** Which connection's open documents somebody is to go on with. */
export interface WalkKey {
  readonly userKey: UserKey
  readonly connectionId: ConnectionId
}

const id = <Id>(parse: (text: string) => Id | undefined) =>
  z.custom<Id>((value) => typeof value === 'string' && parse(value) !== undefined)
const body = z.union([
  z.object({ look: z.object({ userKey: id(parseUserKey), documentId: id(parseDocumentId) }) }),
  z.object({ walk: z.object({ userKey: id(parseUserKey), connectionId: id(parseConnectionId) }) }),
])

/** The message that asks for a look at a document's row: what is to be done follows from the row itself. */
export function rowMessage({ userKey, documentId }: RowKey): string {
  return JSON.stringify({ look: { userKey, documentId } })
}

/** The message that asks to go on with all that is open on a connection, as that is then. */
export function walkMessage({ userKey, connectionId }: WalkKey): string {
  return JSON.stringify({ walk: { userKey, connectionId } })
}

/** What a message of ours asks for; undefined for any other. */
export function parseOwnMessage(text: string) {
  return body.safeParse(JSON.parse(text)).data
}

/** The document that a message asks to look at; undefined for any other message. */
export function parseRowMessage(text: string): RowKey | undefined {
  const asked = parseOwnMessage(text)
  return asked !== undefined && 'look' in asked ? asked.look : undefined
}
