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
  /** A claim rests on the change as it was read. */
  'as-seen': {
    file: '/lib/catalog/expressions.ts',
    rule: "'#change.#id = :seenChange AND #change.#fence = :seenFence'",
    without: "'(#change.#id = :seenChange OR #change.#fence <> :seenFence)'",
  },
  /** And on what that has begun. */
  'as-read': {
    file: '/lib/catalog/expressions.ts',
    rule: 'if (!row.change) return seen',
    without: 'if (seen) return seen',
  },
  /** Who has lost a claim writes nothing more. */
  fence: {
    file: '/lib/catalog/expressions.ts',
    rule: "'#change.#id = :mine AND #change.#fence = :fence'",
    without: "'#change.#id = :mine AND #change.#fence >= :fence'",
  },
  /** What is written over is created only where nothing is. */
  'create-only': {
    file: '/lib/providers/onedrive/api.ts',
    rule: "(condition === 'new' ? 'fail' : 'replace')",
    without: "(condition === 'new' ? 'replace' : 'replace')",
  },
  /** A change whose sender is gone is settled before another owns the row. */
  'settle-first': {
    file: '/lib/transfer/settle-first.ts',
    rule: 'const made = driver && (await madeBy(driver, row))',
    without: 'const made = driver && false ? await madeBy(driver, row) : undefined',
  },
} as const satisfies Readonly<Record<string, Mutation>>

export type MutationName = keyof typeof mutations
