/** Rules of the product that can be taken away, to see that worlds notice: where, what, and what instead. */
export interface Mutation {
  readonly file: string
  readonly rule: string
  readonly without: string
}

export const mutations = {
  /** What the drive holds is compared with what was sent. */
  judge: {
    file: '/lib/transfer/judge.ts',
    rule: 'if (sent.digest(algorithm) === theirs)',
    without: 'if (true)',
  },
  /** The write that makes it true carries the event. */
  event: {
    file: '/lib/transfer/settle.ts',
    rule: "event: { id: change.id, type: 'Document Stored', ...(row.standing ? { replaced: true } : {}) },",
    without: '',
  },
  /** A change that is over says what it may have made. */
  'left-behind': {
    file: '/lib/transfer/settle.ts',
    rule: "return [{ kind: 'object', connectionId, key, notBefore: now + onTheWayMs, ...made }]",
    without: 'return []',
  },
  /** Who has lost a claim writes nothing more. */
  fence: {
    file: '/lib/catalog/expressions.ts',
    rule: "'#change.#id = :mine AND #change.#fence = :fence'",
    without: "'#change.#id = :mine AND #change.#fence >= :fence'",
  },
} as const satisfies Readonly<Record<string, Mutation>>

export type MutationName = keyof typeof mutations
