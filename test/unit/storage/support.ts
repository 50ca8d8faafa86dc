import type { ConnectionId, DocumentId, Extension } from '../../../lib/ids.ts'
import { parseConnectionId, parseDocumentId, parseExtension, userId } from '../../../lib/ids.ts'
import type { ServiceError } from '../../../lib/errors.ts'
import { isServiceError } from '../../../lib/errors.ts'
import type { FailedAnswer } from '../../../lib/net/provider-http.ts'
import type { Backend, ContentSource, ObjectEntry, PutTarget } from '../../../lib/storage/backend.ts'
import { contentOf } from '../../../lib/storage/content.ts'

export const alice = userId('alice')

export function connectionId(name = 'connection'): ConnectionId {
  return parseConnectionId(`test-${name}`) ?? mistake()
}

export function documentId(text: string): DocumentId {
  return parseDocumentId(text) ?? mistake()
}

export function extension(text: string): Extension {
  return parseExtension(text) ?? mistake()
}

function mistake(): never {
  throw new Error('the test has made a mistake')
}

/** Puts `hello`, or something else, as `{id}.txt` of alice; no key is reserved when no target is given. */
export function put(
  backend: Backend,
  id: string,
  options: { readonly content?: ContentSource; readonly target?: PutTarget } = {},
): Promise<ObjectEntry> {
  const { content = contentOf(Buffer.from('hello')), target } = options
  return backend.putEntry(
    alice,
    documentId(id),
    content,
    extension('.txt'),
    'text/plain',
    target ? { target } : {},
  )
}

export async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (isServiceError(error)) return error
  throw error
}

/** An answer that a provider refused something with. */
export function refusal(status: number, body: unknown, more: Partial<FailedAnswer> = {}): FailedAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { operation: 'test', method: 'POST', status, headers: {}, text, ...more }
}
