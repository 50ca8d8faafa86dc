import { isServiceError, ServiceError } from '../errors.ts'
import type { ContentSource, ObjectEntry, ResumableUploads, UploadPlan, UploadSession } from './backend.ts'
import { openContent } from './content.ts'

/** A cancellation is a courtesy that must not hold up the answer for long. */
const cancelWithinMs = 5_000

/**
 * Sends a whole source through one session, following what the provider acknowledges. It repeats nothing: a failure goes up with
 * its advice, after the session was given back, unless the provider says that the work was done all the same.
 */
export async function sendWhole(
  uploads: ResumableUploads,
  plan: UploadPlan,
  content: ContentSource,
  signal?: AbortSignal,
): Promise<ObjectEntry> {
  const options = signal ? { signal } : {}
  const session = await uploads.beginUpload(plan, options)
  try {
    return await sendAll(uploads, session, content, options)
  } catch (error) {
    const done = await entryAfterAll(uploads, session, content.size, error, options)
    if (done) return done
    await uploads.cancelUpload(session, { signal: AbortSignal.timeout(cancelWithinMs) }).catch(ignore)
    throw error
  }
}

function ignore(): void {}

async function sendAll(
  uploads: ResumableUploads,
  session: UploadSession,
  content: ContentSource,
  options: { readonly signal?: AbortSignal },
): Promise<ObjectEntry> {
  const total = content.size
  let offset = 0
  for (;;) {
    const length =
      uploads.uploadMode === 'stream' ? total - offset : Math.min(uploads.fragmentBytes, total - offset)
    const body = openContent(
      content,
      offset === 0 && length === total ? undefined : { start: offset, end: offset + length - 1 },
    )
    const progress = await uploads.sendBytes(session, { body, offset, length, total }, options)
    if (progress.state === 'done') return progress.entry
    if (progress.state === 'gone') throw lost('The provider gave up the upload before it was complete.')
    if (progress.offset <= offset || progress.offset >= total) throw lost('The upload came to a standstill.')
    offset = progress.offset
  }
}

/** After a last request whose answer was lost: the finished object, when the session still knows of it. */
async function entryAfterAll(
  uploads: ResumableUploads,
  session: UploadSession,
  total: number,
  error: unknown,
  options: { readonly signal?: AbortSignal },
): Promise<ObjectEntry | undefined> {
  if (!isServiceError(error) || !error.retry.ambiguous || options.signal?.aborted) return undefined
  const progress = await uploads.queryUpload(session, total, options).catch(ignore)
  return progress?.state === 'done' ? progress.entry : undefined
}

function lost(detail: string): ServiceError {
  return new ServiceError('provider_unavailable', detail, { retry: { retryable: true, ambiguous: true } })
}
