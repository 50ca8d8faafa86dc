import { DrivewayError } from './errors.ts'
import type { Document } from './generated.ts'
import { backOff } from './retry.ts'
import type { Api } from './request.ts'

export interface WatchOptions {
  readonly signal?: AbortSignal | undefined
  /** Give up with `stalled` when nothing changed for this long; 10 minutes when left out. */
  readonly stalledAfterMs?: number
}

const firstPollMs = 400
const slowestPollMs = 5000

/** True when the document's status will not change by itself. A parked one waits for the user. */
export function isSettled(document: Document): boolean {
  return document.status === 'stored' || document.status === 'failed' || document.status === 'parked'
}

/**
 * Yields the document now and at each change until it is stored,
 * failed or parked; asks less often while nothing changes.
 */
export async function* watchDocument(
  api: Api,
  documentId: string,
  { signal, stalledAfterMs = 600_000 }: WatchOptions = {},
): AsyncGenerator<Document, Document> {
  let last = ''
  let quietPolls = 0
  let quietMs = 0
  for (;;) {
    const { document } = await api.call('statDocument', { path: { documentId } }, { signal })
    const seen = `${document.status} ${document.progress?.bytesTransferred} ${document.updatedAt}`
    if (seen !== last) {
      last = seen
      quietPolls = 0
      quietMs = 0
      yield document
    }
    if (isSettled(document)) return document
    if (quietMs >= stalledAfterMs) {
      throw new DrivewayError('stalled', 'The transfer to the drive shows no progress.', { document })
    }
    quietPolls += 1
    const wait = Math.min(slowestPollMs, backOff(quietPolls, firstPollMs))
    quietMs += wait
    await api.settings.retry.wait(wait, signal)
  }
}

/**
 * Passes a settled document that is really there as it was sent;
 * everything else becomes the error that it stands for.
 */
export function requireStored(document: Document, size: number): Document {
  if (document.status === 'parked') {
    const links = { reauthorize: `/v1/connections/${document.connectionId}/reauthorize` }
    const detail =
      document.error?.detail ?? 'The document waits in the intake until the user reconnects the drive.'
    throw new DrivewayError('connection_requires_reauth', detail, {
      document,
      connectionId: document.connectionId,
      links,
    })
  }
  if (document.status !== 'stored') {
    throw new DrivewayError(
      document.error?.code ?? 'internal_error',
      document.error?.detail ?? 'The transfer failed.',
      { document, connectionId: document.connectionId },
    )
  }
  if (document.checksum?.verdict === 'mismatch') {
    throw new DrivewayError('digest_mismatch', 'The provider’s hash is not that of what was sent.', {
      document,
    })
  }
  if (document.size !== size && document.checksum?.verdict !== 'provider_transformed') {
    throw new DrivewayError('digest_mismatch', `${size} bytes were sent, ${document.size} are stored.`, {
      document,
    })
  }
  return document
}
