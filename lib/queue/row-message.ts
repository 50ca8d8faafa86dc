import * as z from 'zod/mini'
import type { DocumentId, UserKey } from '../ids.ts'
import { parseDocumentId, parseUserKey } from '../ids.ts'

/** Which document somebody is to look at. */
interface RowKey {
  readonly userKey: UserKey
  readonly documentId: DocumentId
}

const body = z.object({
  look: z.object({
    userKey: z.custom<UserKey>((value) => typeof value === 'string' && parseUserKey(value) !== undefined),
    documentId: z.custom<DocumentId>(
      (value) => typeof value === 'string' && parseDocumentId(value) !== undefined,
    ),
  }),
})

/** The message that asks for a look at a document's row: what is to be done follows from the row itself. */
export function rowMessage({ userKey, documentId }: RowKey): string {
  return JSON.stringify({ look: { userKey, documentId } })
}

/** The document that a message asks to look at; undefined for any other message. */
export function parseRowMessage(text: string): RowKey | undefined {
  return body.safeParse(JSON.parse(text)).data?.look
}
