import type { Target } from '../catalog/document.ts'
import { CloudConnectionError, ServiceError } from '../errors.ts'
import type { Plan, Sessions, UploadSession } from '../storage/driver.ts'
import type { Claim } from './claim.ts'
import type { Sealer } from '../secret.ts'

/** The upload session of one attempt: the one that the claimed row holds, or one that was opened since. */
export interface HeldSession {
  /** Rejects when there is none. */
  get(): Promise<UploadSession>
  /** Opens one in place of any other and records it, sealed, with its target, before anything is sent. */
  open(plan: Plan, target: Target, signal: AbortSignal): Promise<void>
  /**
   * Closes the one that was given up, if any; what only the provider's
   * final word keeps from closing is left to end by itself.
   */
  giveUp(signal: AbortSignal): Promise<void>
  /** Closes the one there is, if any. */
  close(): Promise<void>
}

/**
 * The session of the transfer that `claim` holds; its URL is opened from
 * the row only when it is needed. Without `sessions` there is none to open.
 */
export function holdSession(claim: Claim, sealer: Sealer, sessions: Sessions | undefined): HeldSession {
  let session: UploadSession | undefined
  const stored = async (): Promise<UploadSession | undefined> => {
    const { session: row, connectionId } = claim.change
    if (!row) return undefined
    if (!session) {
      const url = await sealer.open(row.sealedUrl, 'upload session', connectionId)
      session = { url, ...(row.expiresAt === undefined ? {} : { expiresAt: row.expiresAt }) }
    }
    return session
  }
  const giveUp = async (signal: AbortSignal): Promise<void> => {
    // Perhaps it is not gone everywhere: on OneDrive for Business it would hold the name.
    const old = await stored()
    if (old) await sessions?.cancel(old, { signal }).catch(unlessFinal)
    session = undefined
  }

  return {
    giveUp,
    async get() {
      const open = await stored()
      if (!open) throw new TypeError('The transfer has no session.')
      return open
    },
    async open(plan, target, signal) {
      if (!sessions) throw new TypeError('This provider has no upload sessions.')
      const opened = await sessions.begin(plan, { signal })
      try {
        const sealedUrl = await sealer.seal(opened.url, 'upload session', claim.change.connectionId)
        const { expiresAt } = opened
        const row = { sealedUrl, ...(expiresAt === undefined ? {} : { expiresAt }) }
        await claim.save({ session: row, target, offset: 0, sent: 0 })
      } catch (error) {
        // An address that nobody has recorded would hold the document's
        // name on OneDrive for Business for as long as it lives.
        await sessions.cancel(opened).catch(() => undefined)
        throw error
      }
      session = opened
    },
    async close() {
      const open = await stored()
      if (open) await sessions?.cancel(open)
    },
  }
}

/**
 * A session that cannot be closed for good reasons is left to end
 * by itself; other trouble is worth another try.
 */
function unlessFinal(error: unknown): void {
  if (!(error instanceof ServiceError) || error.retry.retryable || error instanceof CloudConnectionError)
    throw error
}
