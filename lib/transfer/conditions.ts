import { createHash, timingSafeEqual } from 'node:crypto'
import type { DocumentRow, Standing } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { ObjectKey } from '../ids.ts'
import type { ObjectEntry } from '../storage/driver.ts'

/**
 * The conditions of a request, as its headers spell them. https://www.rfc-editor.org/rfc/rfc9110#section-13.1
 */
export interface Conditions {
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
}

/** The strong tag of what stands, quoted; undefined when nothing does. */
export function etagOf({ standing }: { readonly standing?: Standing | undefined }): string | undefined {
  return standing && `"${standing.revision ?? standing.changeId}"`
}

/** Tags are quoted, since they may hold commas; a weak one equals none. */
export function lists(header: string, etag: string | undefined): boolean {
  if (etag === undefined) return false
  if (header.trim() === '*') return true
  return [...header.matchAll(/(W\/)?("[^"]*")/g)].some(([, weak, tag]) => weak === undefined && tag === etag)
}

/**
 * Refuses a write whose condition does not hold for what is there. A tag is compared
 * with that of the content as it is in the drive now, where its user may have edited it. Answers the version
 * that the client has named, as the drive writes it.
 */
export async function checkConditions(
  { ifMatch, ifNoneMatch }: Conditions,
  seen: DocumentRow | undefined,
  stat: (key: ObjectKey) => Promise<ObjectEntry | undefined>,
): Promise<string | undefined> {
  const names = ifMatch !== undefined || (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*')
  const etag = names ? await etagNow(seen, stat) : undefined
  if (ifMatch !== undefined && !lists(ifMatch, etag))
    throw failed('The document is not the one that If-Match names. Read it again before you write.')
  const named = ifMatch === undefined || ifMatch.trim() === '*' ? undefined : etag?.slice(1, -1)
  if (ifNoneMatch === undefined) return named
  if (ifNoneMatch.trim() === '*' && (seen?.standing !== undefined || seen?.change !== undefined))
    throw failed(`Document ${seen.documentId} exists already.`)
  if (lists(ifNoneMatch, etag)) throw failed('The document is the one that If-None-Match names.')
  return named
}

async function etagNow(
  seen: DocumentRow | undefined,
  stat: (key: ObjectKey) => Promise<ObjectEntry | undefined>,
): Promise<string | undefined> {
  const { standing, objectKey: key } = seen ?? {}
  if (!standing || key === undefined) return undefined
  try {
    const entry = await stat(key)
    return entry?.etag === undefined ? etagOf({ standing }) : `"${entry.etag}"`
  } catch (error) {
    if (isServiceError(error, 'object_missing')) return undefined
    throw error
  }
}

function failed(detail: string): ServiceError {
  return new ServiceError('precondition_failed', detail)
}

/**
 * Checks the RFC 9530 `Content-Digest` header against the bytes. Nothing happens
 * without the header; a malformed one or one without sha-256 is `invalid_request`,
 * a wrong one `digest_mismatch`. https://www.rfc-editor.org/rfc/rfc9530
 */
export function checkContentDigest(header: string | undefined, bytes: Buffer): void {
  if (header === undefined) return
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(header)?.[1]
  if (digest === undefined) {
    throw new ServiceError('invalid_request', 'header content-digest: must carry sha-256=:<base64>:')
  }
  if (!timingSafeEqual(Buffer.from(digest, 'base64'), createHash('sha256').update(bytes).digest())) {
    throw new ServiceError(
      'digest_mismatch',
      'The body’s SHA-256 is not the one in Content-Digest. Nothing was stored; send it again.',
    )
  }
}
