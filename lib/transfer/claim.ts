import type { Change, DocumentRow } from '../catalog/document.ts'
import type { Also, ChangePatch, DocumentStore } from '../catalog/documents.ts'
import type { Clock } from '../clock.ts'
import type { NewId } from '../ids.ts'
import type { Claimed } from './hall.ts'
import { ClaimLost, held } from './hall.ts'

export interface ClaimOptions {
  readonly clock: Clock
  readonly documents: Pick<DocumentStore, 'work'>
  /** A claim that was not renewed for so long is void, milliseconds. It is renewed three times as often. */
  readonly leaseMs: number
}

/** The right to work on one change, until it is released, ended or lost. */
export interface Claim {
  /** As last written. */
  readonly row: Claimed
  readonly change: Change
  /** Aborts when the claim is lost. */
  readonly signal: AbortSignal
  /** Changes the change here; the next write carries it. */
  stage(patch: ChangePatch): void
  /** Writes `patch` and renews the claim; rejects with ClaimLost. Writes follow one another. */
  save(patch: ChangePatch, also?: Also): Promise<void>
  /** Says how far the bytes are; written now and then, together with what a renewal writes. */
  report(sent: number): void
  /** Writes `patch` and gives the claim back; rejects with ClaimLost. */
  release(patch: ChangePatch, also?: Also): Promise<void>
  /** Ends the renewals, then runs the write that ends the change. */
  end<Result>(write: (row: Claimed) => Promise<Result>): Promise<Result>
  /** What the renewals write beside the claim, asked each time. */
  onRenewal(patch: () => ChangePatch): void
}

const progressMs = 2000
const nothing = (): ChangePatch => ({})

/** Holds the claim that `claimed` was written with, and renews it until it is given back or ended. */
export function holdClaim({ clock, documents, leaseMs }: ClaimOptions, claimed: Claimed): Claim {
  const lost = new AbortController()
  const ended = new AbortController()
  let row = claimed
  let staged: ChangePatch = {}
  let renewal = nothing
  let last: Promise<unknown> = Promise.resolve()
  let reportAt = clock.now() + progressMs

  /** One write at a time. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work)
    last = turn.catch(() => undefined)
    return await turn
  }
  const lose = (error: unknown): unknown => {
    if (!(error instanceof ClaimLost)) return error
    ended.abort()
    lost.abort(error)
    return error
  }
  const write = async (patch: () => ChangePatch, also?: Also): Promise<void> => {
    await inTurn(async () => {
      if (lost.signal.aborted) throw new ClaimLost()
      try {
        staged = {}
        const written = held(await documents.work(row, patch(), also))
        // What was staged meanwhile goes out with the next write.
        row = patched(written, staged)
      } catch (error) {
        throw lose(error)
      }
    })
  }
  const renewed = (patch: () => ChangePatch) => (): ChangePatch => ({
    until: clock.now() + leaseMs,
    ...patch(),
  })
  const renew = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await clock.sleep(leaseMs / 3, ended.signal)
      // A renewal that failed is followed by another write, which tells whether the claim still stands.
      await write(renewed(renewal)).catch(() => undefined)
    }
  }
  renew().catch(() => undefined)

  return {
    get row() {
      return row
    },
    get change() {
      return row.change
    },
    signal: lost.signal,
    stage(patch) {
      staged = { ...staged, ...patch }
      row = patched(row, patch)
    },
    save: async (patch, also) =>
      await write(
        renewed(() => patch),
        also,
      ),
    report(sent) {
      if (ended.signal.aborted || clock.now() < reportAt) return
      reportAt = clock.now() + progressMs
      // For show, and for who goes on after a kill: whatever keeps it
      // from being written shows itself elsewhere.
      write(renewed(() => ({ ...renewal(), sent }))).catch(() => undefined)
    },
    async release(patch, also) {
      ended.abort()
      const free = { owner: undefined, message: undefined, until: undefined, single: undefined }
      await write(() => ({ ...patch, ...free }), also)
    },
    async end(finish) {
      ended.abort()
      return await inTurn(async () => {
        if (lost.signal.aborted) throw new ClaimLost()
        return await finish(row)
      })
    },
    onRenewal(patch) {
      renewal = patch
    },
  }
}

function patched(row: Claimed, patch: ChangePatch): Claimed {
  return { ...row, change: { ...row.change, ...patch } as Change }
}

/** Takes the claim of a change that nobody holds; undefined when somebody was faster. */
export async function takeClaim(
  options: ClaimOptions & { readonly newId: NewId },
  row: DocumentRow,
  patch: ChangePatch,
): Promise<Claim | undefined> {
  const { clock, documents, leaseMs, newId } = options
  const fence = (row.change?.fence ?? 0) + 1
  const owner = newId()
  const until = clock.now() + leaseMs
  const attempts = (row.change?.attempts ?? 0) + 1
  const taken = {
    state: 'sending',
    fence,
    owner,
    until,
    attempts,
    notBefore: undefined,
    reason: undefined,
  } as const
  const claimed = await documents.work(row, { ...patch, ...taken })
  return claimed ? holdClaim(options, held(claimed)) : undefined
}
