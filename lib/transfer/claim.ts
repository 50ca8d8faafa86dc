import type { TransferRow } from '../catalog/transfer.ts'
import type { TransferCatalog, TransferChanges } from '../catalog/transfers.ts'
import type { Clock } from '../clock.ts'
import type { NewId } from '../ids.ts'

/** Somebody else has the transfer now, or it was cancelled: whatever this process still does must not count. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost'

  constructor() {
    super('The transfer belongs to somebody else now.')
  }
}

export interface ClaimOptions {
  readonly clock: Clock
  readonly transfers: TransferCatalog
  readonly newId: NewId
  /** A claim that was not renewed for so long is void, milliseconds. It is renewed three times as often. */
  readonly leaseMs: number
}

/** The right to work on one transfer, until it is released or lost. */
export interface Claim {
  /** As last written. */
  readonly row: TransferRow
  /** Aborts when the claim is lost. */
  readonly signal: AbortSignal
  /** Changes the row here; the next write carries it. */
  stage(changes: TransferChanges): void
  /** Writes `changes` and renews the claim; rejects with ClaimLost. Writes follow one another. */
  save(changes: TransferChanges): Promise<void>
  /** Writes `changes` and gives the claim back; a claim that is lost is given back already. */
  release(changes: TransferChanges): Promise<void>
  /** Removes the row; rejects with ClaimLost. */
  remove(): Promise<void>
  /** What the renewals write beside the claim, asked each time. */
  onRenewal(changes: () => TransferChanges): void
  /** Ends the renewals. */
  stop(): void
}

/** The columns of a claim by a new owner for the queue message `messageId`. */
export function claimColumns(
  options: Pick<ClaimOptions, 'clock' | 'leaseMs' | 'newId'>,
  messageId: string,
  fence: number,
): { owner: string; messageId: string; claimUntil: number; fence: number } {
  return {
    owner: options.newId(),
    messageId,
    claimUntil: options.clock.now() + options.leaseMs,
    fence: fence + 1,
  }
}

/** True while another message's owner holds the row. The same message delivered again proves that its owner is gone. */
export function isClaimed(row: TransferRow, now: number, messageId: string): boolean {
  return row.owner !== undefined && (row.claimUntil ?? 0) > now && row.messageId !== messageId
}

/** Takes the claim of a row that exists; undefined when somebody holds it or was faster. */
export async function claimTransfer(
  options: ClaimOptions,
  row: TransferRow,
  messageId: string,
  changes: TransferChanges = {},
): Promise<Claim | undefined> {
  if (isClaimed(row, options.clock.now(), messageId)) return undefined
  const columns = claimColumns(options, messageId, row.fence)
  const claimed = await options.transfers.save(row, { ...changes, ...columns })
  return claimed ? holdClaim(options, claimed) : undefined
}

const nothing = (): TransferChanges => ({})

/** Holds the claim that `claimed` was written with, and renews it until `stop`, `release` or `remove`. */
export function holdClaim(options: ClaimOptions, claimed: TransferRow): Claim {
  const { clock, transfers, leaseMs } = options
  const lost = new AbortController()
  const ended = new AbortController()
  let row = claimed
  let renewal = nothing
  let last: Promise<unknown> = Promise.resolve()

  /** One write at a time, since each is conditional on the one before. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work)
    last = turn.catch(() => undefined)
    return await turn
  }
  const lose = (): ClaimLost => {
    const error = new ClaimLost()
    ended.abort()
    lost.abort(error)
    return error
  }
  const write = async (changes: () => TransferChanges): Promise<void> => {
    await inTurn(async () => {
      if (lost.signal.aborted) throw new ClaimLost()
      const saved = await transfers.save(row, { claimUntil: clock.now() + leaseMs, ...changes() })
      if (!saved) throw lose()
      row = saved
    })
  }
  const renew = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await clock.sleep(leaseMs / 3, ended.signal)
      // A renewal that failed is followed by another write, which tells whether the claim still stands.
      await write(renewal).catch(() => undefined)
    }
  }
  renew().catch(() => undefined)

  return {
    get row() {
      return row
    },
    signal: lost.signal,
    stage(changes) {
      row = { ...row, ...changes } as TransferRow
    },
    save: async (changes) => await write(() => changes),
    async release(changes) {
      ended.abort()
      await inTurn(async () => {
        if (lost.signal.aborted) return
        const free = { owner: undefined, messageId: undefined, claimUntil: undefined }
        row = (await transfers.save(row, { ...changes, ...free })) ?? row
      })
    },
    async remove() {
      ended.abort()
      await inTurn(async () => {
        if (lost.signal.aborted || !(await transfers.remove(row))) throw lose()
      })
    },
    onRenewal(changes) {
      renewal = changes
    },
    stop: () => ended.abort(),
  }
}
