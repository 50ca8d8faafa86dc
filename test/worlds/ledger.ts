import { createHash } from 'node:crypto'

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What something that was done means for a document's content. */
export type Effect = { readonly kind: 'content'; readonly shas: Set<string> } | { readonly kind: 'absent' }

/** One thing that somebody did to a document. Times are the world's. */
export interface Deed {
  readonly what: string
  readonly effect: Effect
  readonly begin: number
  /** It cannot take effect after this. */
  end: number
  /** `done`: it took effect between begin and end. `maybe`: it may have. `not`: it has changed nothing. */
  outcome: 'done' | 'maybe' | 'not'
  /** Answered 201. */
  created?: boolean
  /** In the drive itself: what was accepted before may still come after it. */
  readonly byUser?: true
}

/** What was seen of a document's content. */
export interface Sight {
  readonly begin: number
  readonly end: number
  readonly sha: string
  readonly size: number
}

export interface History {
  readonly sub: string
  readonly document: string
  readonly deeds: Deed[]
  readonly sights: Sight[]
  /** Every content that was ever sent for it, by SHA-256. */
  readonly contents: Map<string, Buffer>
}

/** An object in a drive that the product did not make, or that its user has taken into the own hands. */
export interface Foreign {
  readonly where: string
  readonly id: string
  sha: string
  name: string
  gone: boolean
}

/** What the world knows to have happened, kept by those who did it. */
export class Ledger {
  readonly histories = new Map<string, History>()
  readonly foreign = new Map<string, Foreign>()
  /** Files that we made and their user has touched since, by drive and id: the name that the user gave. */
  readonly touched = new Map<string, { readonly name?: string; readonly at: number }>()
  /** Connections whose user has given them up at some time. */
  readonly disconnected = new Set<string>()
  /** Accounts whose user has withdrawn the consent at some time. */
  readonly revoked = new Set<string>()
  readonly wrong: string[] = []

  of(sub: string, document: string): History {
    const key = `${sub} ${document}`
    const found = this.histories.get(key) ?? { sub, document, deeds: [], sights: [], contents: new Map() }
    this.histories.set(key, found)
    return found
  }

  /**
   * Bytes that nobody sent, as many as a process had on their way when it died or its answer was lost: the
   * drive has stored them wrongly, and nobody heard of it. They look like an edit of their user's.
   */
  isUnseenDamage(sha: string, size: number, ofTheDead: ReadonlyMap<string, Buffer>): boolean {
    const contents = [...this.histories.values()].flatMap((history) => [...history.contents])
    if (contents.some(([known]) => known === sha)) return false
    // A session may have been given a part of them alone; a request may hold more than them.
    const sent = [...ofTheDead.values()].filter(({ length }) => length > 0)
    const isOf = (bytes: Buffer) => (part: Buffer) => bytes.includes(part) || part.includes(bytes)
    return contents.some(([, bytes]) => bytes.length === size && sent.some(isOf(bytes)))
  }

  find(invariant: string, text: string): void {
    this.wrong.push(`${invariant}: ${text}`)
  }
}

export function contentEffect(history: History, bytes: Buffer): Effect & { readonly kind: 'content' } {
  const sha = sha256(bytes)
  history.contents.set(sha, bytes)
  return { kind: 'content', shas: new Set([sha]) }
}

export const absent: Effect = { kind: 'absent' }

/**
 * The deeds one of which may be the last that took effect by `now`: all but those after whose end another one
 * began that is known to be done, and was done before `seen`. What a user does in the drive ends nothing that
 * is on its way.
 */
export function possiblyLast(
  deeds: readonly Deed[],
  now: number,
  seen: number = Number.POSITIVE_INFINITY,
): { readonly deeds: readonly Deed[]; readonly untouched: boolean } {
  const done = deeds.filter(({ outcome, end }) => outcome === 'done' && end < seen)
  const begun = deeds.filter(({ outcome, begin }) => outcome !== 'not' && begin <= now)
  const isOver = (deed: Deed): boolean =>
    done.some(
      (later) =>
        later !== deed && later.begin > deed.end && !(later.byUser === true && deed.outcome === 'maybe'),
    )
  return {
    deeds: begun.filter((deed) => !isOver(deed)),
    untouched: done.length === 0,
  }
}
