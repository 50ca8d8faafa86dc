import { contentType } from '../contract/fields.ts'
import { ServiceError } from '../errors.ts'
import type { ConnectionId, DocumentId, Extension, Owner } from '../ids.ts'
import { parseConnectionId, parseDocumentId, parseExtension, parseUserId, userKeyOf } from '../ids.ts'

function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new ServiceError('invalid_request', `${field}: is not valid`)
  return value
}

/** Brands a path parameter that the route's schema has checked. */
export function requireDocumentId(text: string): DocumentId {
  return required(parseDocumentId(text), 'path.documentId')
}

/** Brands a path parameter that the route's schema has checked. */
export function requireConnectionId(text: string): ConnectionId {
  return required(parseConnectionId(text), 'path.connectionId')
}

/** The user whom a path names, which the route's schema has checked. */
export function requireOwner(text: string): Owner {
  const id = required(parseUserId(text), 'path.userId')
  return { userId: id, userKey: userKeyOf(id) }
}

/** Brands an extension that the route's schema has checked; absent stays absent. */
export function requireExtension(text: string | undefined): Extension | undefined {
  return text === undefined ? undefined : required(parseExtension(text), 'extension')
}

/** The media type: `application/octet-stream` when none is named, `invalid_request` when it is not one. */
export function requireContentType(header: string | undefined): string {
  if (header === undefined || header === '') return 'application/octet-stream'
  const checked = contentType.safeParse(header)
  if (!checked.success)
    throw new ServiceError(
      'invalid_request',
      `header content-type: ${checked.error.issues[0]?.message ?? 'is not valid'}`,
    )
  return checked.data
}
