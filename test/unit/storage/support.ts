import type { ConnectionId, DocumentId, Extension } from '../../../lib/ids.ts'
import { parseConnectionId, parseDocumentId, parseExtension, userId } from '../../../lib/ids.ts'
import type { ServiceError } from '../../../lib/errors.ts'
import { isServiceError } from '../../../lib/errors.ts'
import type { FailedAnswer } from '../../../lib/net/provider-http.ts'
import type { ContentSource } from '../../../lib/storage/bytes.ts'
import { contentOf } from '../../../lib/storage/bytes.ts'
import type { Driver, ObjectEntry, Plan, Sessions, Target } from '../../../lib/storage/driver.ts'
import { writeWhole } from '../../../lib/storage/write-whole.ts'

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

/** A new object of that name, with a key where the provider has such. */
export async function newTarget(driver: Driver, file: string): Promise<Target> {
  const objectKey = await driver.places?.make()
  return { kind: 'new', file, ...(objectKey === undefined ? {} : { objectKey }) }
}

export function planFor(target: Target, size: number): Plan {
  return { userId: alice, contentType: 'text/plain', size, target }
}

/** Puts `hello`, or something else, new as `{id}.txt` of alice unless there is a target. */
export async function put(
  driver: Driver,
  id: string,
  options: { readonly content?: ContentSource; readonly target?: Target } = {},
): Promise<ObjectEntry> {
  const { content = contentOf(Buffer.from('hello')) } = options
  const target = options.target ?? (await newTarget(driver, `${id}.txt`))
  return await writeWhole(driver, planFor(target, content.size), content)
}

export function sessionsOf({ sessions }: Driver): Sessions {
  return sessions ?? mistake()
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
