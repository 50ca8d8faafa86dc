import { createHash, randomUUID } from 'node:crypto'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** The `sub` of the caller's token. */
export type UserId = Branded<'UserId'>
/**
 * The user's place in tables, S3 keys and OneDrive paths: the user id where it is safe there, else a hash.
 */
export type UserKey = Branded<'UserKey'>
/** Whose rows: by the caller's verified token, or as another row of the same user has it. */
export interface Owner {
  readonly userId: UserId
  readonly userKey: UserKey
}
export type ConnectionId = Branded<'ConnectionId'>
/** The client's own name for a document. */
export type DocumentId = Branded<'DocumentId'>
/** The provider's own id of a stored object: Drive file id, drive item id, S3 key. */
export type ObjectKey = Branded<'ObjectKey'>
/** A file name extension with its dot, or the empty string. */
export type Extension = Branded<'Extension'>

export const documentIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
export const extensionPattern = /^\.[A-Za-z0-9]{1,16}$/
export const connectionIdPattern = /^[A-Za-z0-9-]{1,64}$/
/** What a person calls a file, as those read it who generate clients: few know Unicode's classes. */
// oxlint-disable-next-line no-control-regex
export const namePattern = /^[^\x00-\x1f\x7f-\x9f]{1,255}$/u
const safeUserKey = /^[A-Za-z0-9_-]{1,64}$/
/** 32 bytes as base64url. */
const hashLength = 43
/**
 * No control characters, no halves of a surrogate pair, no line ends.
 * https://openid.net/specs/openid-connect-core-1_0.html#IDToken
 */
const printableSub = /^(?=.*\P{Z})[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,255}$/u

/** No control characters, and no halves of a surrogate pair. */
export function isName(text: string): boolean {
  return namePattern.test(text) && text.isWellFormed()
}

/** Takes a `sub` that `parseUserId` has let through, or a stored one, as it is. */
export function userId(sub: string): UserId {
  return sub as UserId
}

/** A verified token's `sub`: 1 to 255 printable characters, not blanks alone; else undefined. */
export function parseUserId(sub: string): UserId | undefined {
  return printableSub.test(sub) ? userId(sub) : undefined
}

/**
 * `userId` itself when it matches `^[A-Za-z0-9_-]{1,64}$` and is not as long as a hash, else its base64url
 * SHA-256. So what has 43 characters is always a hash, and nobody's name can be the hash of another's.
 */
export function userKeyOf(id: UserId): UserKey {
  const plain = safeUserKey.test(id) && id.length !== hashLength
  return (plain ? id : createHash('sha256').update(id).digest('base64url')) as UserKey
}

/** Takes a user key read back from a table or an intake key; undefined when it cannot be one. */
export function parseUserKey(text: string): UserKey | undefined {
  return safeUserKey.test(text) ? (text as UserKey) : undefined
}

/** Makes an id that nothing else has. */
export type NewId = () => string
export const randomId: NewId = randomUUID

export function newConnectionId(newId: NewId = randomId): ConnectionId {
  return newId() as ConnectionId
}

export function parseConnectionId(text: string): ConnectionId | undefined {
  return connectionIdPattern.test(text) ? (text as ConnectionId) : undefined
}

export function parseDocumentId(text: string): DocumentId | undefined {
  return documentIdPattern.test(text) ? (text as DocumentId) : undefined
}

/** `''` stands for "no extension". */
export function parseExtension(text: string): Extension | undefined {
  return text === '' || extensionPattern.test(text) ? (text as Extension) : undefined
}

/** Marks a provider's id as such; called where a provider's answer or a stored row is parsed. */
export function objectKey(providerId: string): ObjectKey {
  return providerId as ObjectKey
}
