import { isServiceError, ServiceError } from '../errors.ts'
import type { ContentSource } from './bytes.ts'
import { digestOf, partOf } from './bytes.ts'
import type { CallOptions, Driver, ObjectEntry, Plan, Sessions, UploadSession } from './driver.ts'
import type { Traits } from './traits.ts'
import { swallow } from '../net/swallow.ts'
import { atFreeName } from './free-name.ts'

/** A cancellation is a courtesy that must not hold up the answer for long. */
const cancelWithinMs = 5_000

/**
 * Stores a whole source, new under a name that is free or in place of what is there, by one
 * request or one session. It repeats nothing but the search for a name, each of which `onName`
 * hears of before it is tried: a lost answer is asked after, any other failure goes up.
 */
export async function writeWhole(
  driver: Driver,
  plan: Plan,
  content: ContentSource,
  options: CallOptions & { readonly onName?: (file: string) => Promise<void> } = {},
): Promise<ObjectEntry> {
  const { target } = plan
  if (target.kind === 'replace') return await writeOnce(driver, plan, content, options)
  const named = (file: string): Plan => ({ ...plan, target: { ...target, file } })
  return await atFreeName(
    target,
    async (file) => {
      if (file !== target.file) await options.onName?.(file)
      return await writeOnce(driver, named(file), content, options)
    },
    (file) => findSame(driver, named(file), content, options),
  )
}

async function writeOnce(
  driver: Driver,
  plan: Plan,
  content: ContentSource,
  options: CallOptions,
): Promise<ObjectEntry> {
  const { sessions, traits } = driver
  const single = content.size <= traits.singleRequestBytes
  if (!single && !sessions)
    throw new ServiceError('payload_too_large', 'The provider takes no content of this size.')
  let session: UploadSession | undefined
  try {
    if (single || !sessions) return await driver.write(plan, content, options)
    session = await sessions.begin(plan, options)
    return await sendAll(sessions, session, content, options)
  } catch (error) {
    const unsure = isServiceError(error) && error.retry.ambiguous === true && !options.signal?.aborted
    const done = unsure && (await madeAfterAll(driver, plan, content, session, options).catch(swallow))
    if (done) return done
    if (session)
      await sessions?.cancel(session, { signal: AbortSignal.timeout(cancelWithinMs) }).catch(swallow)
    throw error
  }
}

/** What a write has made whose answer was lost, if it has. */
async function madeAfterAll(
  driver: Driver,
  plan: Plan,
  content: ContentSource,
  session: UploadSession | undefined,
  options: CallOptions,
): Promise<ObjectEntry | undefined> {
  const progress = session && (await driver.sessions?.ask(session, content.size, options).catch(swallow))
  if (progress?.state === 'done') return progress.entry
  const entry = await driver.find(plan, options)
  if (!entry) return undefined
  // The place was free when the session was opened: what has this size there and no hash yet is its work.
  const { hash } = driver.traits
  const unhashed = hash === undefined || entry.checksums[hash.algorithm] === undefined
  if (session && plan.target.kind === 'new' && unhashed && entry.size === content.size) return entry
  return (await isSameContent(entry, content, hash)) ? entry : undefined
}

/** The object at a place that is taken, when an earlier attempt has put this very content there. */
async function findSame(
  driver: Driver,
  plan: Plan,
  content: ContentSource,
  options: CallOptions,
): Promise<ObjectEntry | undefined> {
  const entry = await driver.find(plan, options)
  return entry && (await isSameContent(entry, content, driver.traits.hash)) ? entry : undefined
}

async function sendAll(
  sessions: Sessions,
  session: UploadSession,
  content: ContentSource,
  options: CallOptions,
): Promise<ObjectEntry> {
  const total = content.size
  // Every turn gets further, or ends the upload.
  for (let offset = 0; ;) {
    const length =
      sessions.mode === 'stream' ? total - offset : Math.min(sessions.fragmentBytes, total - offset)
    const body = partOf(content, { start: offset, end: offset + length - 1 })
    const progress = await sessions.send(session, { body, offset, total }, options)
    if (progress.state === 'done') return progress.entry
    if (progress.state === 'gone') throw lost('The provider gave up the upload before it was complete.')
    if (progress.offset <= offset || progress.offset >= total) throw lost('The upload came to a standstill.')
    offset = progress.offset
  }
}

/**
 * An object that was found, next to the place that it must have had:
 * is it this very content? Reads the source only to compare hashes.
 */
export async function isSameContent(
  entry: ObjectEntry,
  content: ContentSource,
  hash: Traits['hash'],
): Promise<boolean> {
  if (entry.size !== content.size) return false
  // Not every account has a hash of an empty file, and it needs none.
  if (content.size === 0) return true
  const theirs = hash && entry.checksums[hash.algorithm]
  return hash !== undefined && theirs !== undefined && (await digestOf(content, hash.start())) === theirs
}

function lost(detail: string): ServiceError {
  return new ServiceError('provider_unavailable', detail, { retry: { retryable: true, ambiguous: true } })
}
