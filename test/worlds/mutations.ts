/** Rules of the product that can be taken away, to see that worlds notice: where, what, and what instead. */
export interface Mutation {
  readonly file: string
  readonly rule: string
  readonly without: string
}

export const mutations = {
  /** Who has lost a claim takes back what was made under it. */
  'take-back': {
    file: '/lib/transfer/own.ts',
    rule: 'if (row?.objectKey !== made && row?.change?.target?.objectKey !== made) await driver.remove(made)',
    without: 'if (row === null) await driver.remove(made)',
  },
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
  /** An upload URL feeds its own change alone. */
  'own-change': {
    file: '/lib/intake/ingest.ts',
    rule: 'if (row?.change?.id === changeId) {',
    without: 'if (row?.change) {',
  },
  /** A claim rests on the row as it was read. */
  'as-seen': {
    file: '/lib/catalog/expressions.ts',
    rule: "'#change.#id = :seenChange AND #change.#fence = :seenFence'",
    without: "'(#change.#id = :seenChange OR #change.#fence > :zero OR #change.#fence = :seenFence)'",
  },
  /** What is written over is created only where nothing is. */
  'create-only': {
    file: '/lib/providers/onedrive/api.ts',
    rule: "createOnly ? 'fail' : 'replace'",
    without: "'replace'",
  },
} as const satisfies Readonly<Record<string, Mutation>>

export type MutationName = keyof typeof mutations
