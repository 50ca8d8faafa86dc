import { diceOf } from './dice.ts'
import type { Preset } from './weather.ts'
import { presets } from './weather.ts'

/** What is done to one document, or to a drive, in the first hour of a world. */
export const actKinds = [
  'put',
  'intake',
  'drop',
  'upload-url',
  'delete',
  'get',
  'stat',
  'list',
  'disconnect',
  'reconnect',
  'edit',
  'rename',
  'move',
  'trash',
  'restore',
  'remove',
  'own-file',
  'revoke',
  'expire-tokens',
  'outage',
  'full',
] as const
export type ActKind = (typeof actKinds)[number]

export interface Act {
  /** Its dice: what it does in particular follows from the seed and this number. */
  readonly id: number
  /** Milliseconds after the start. */
  readonly at: number
  readonly kind: ActKind
  /** Which of the connected drives, and which document there. */
  readonly place: number
  readonly document: string
}

export interface Plan {
  readonly seed: number
  readonly preset: Preset
  readonly acts: readonly Act[]
}

const weights: Readonly<Record<ActKind, number>> = {
  put: 22,
  intake: 14,
  drop: 10,
  'upload-url': 4,
  delete: 9,
  get: 8,
  stat: 7,
  list: 1,
  disconnect: 1,
  reconnect: 1,
  edit: 4,
  rename: 3,
  move: 2,
  trash: 3,
  restore: 3,
  remove: 2,
  'own-file': 3,
  revoke: 1,
  'expire-tokens': 1,
  outage: 1,
  full: 1,
}
const bag = actKinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind))
const names = ['doc', 'Doc', 'report', 'report.pdf', 'aux', 'a'] as const
const presetNames = Object.keys(presets) as Preset[]
const hour = 3_600_000

/**
 * A world's plan: a few drives, few documents, and acts of which half meet within a minute; in one world of
 * five all of them want one document within three seconds.
 */
export function planOf(seed: number, places: number, only?: Preset): Plan {
  const dice = diceOf(seed ^ 0x1f123bb5)
  const below = (count: number): number => Math.floor(dice() * count)
  const preset = only ?? presetNames[below(presetNames.length)] ?? 'mixed'
  const isCrowd = dice() < 0.2
  const few = isCrowd ? 1 : 3
  const used = Array.from({ length: 1 + below(few) }, () => below(places))
  const documents = Array.from({ length: 1 + below(few) }, () => names[below(names.length)] ?? 'doc')
  const acts = Array.from({ length: 6 + below(10) }, (_, id): Act => ({
    id,
    at: isCrowd ? below(3_000) : dice() < 0.5 ? below(60_000) : below(hour),
    kind: bag[below(bag.length)] ?? 'put',
    place: used[below(used.length)] ?? 0,
    document: documents[below(documents.length)] ?? 'doc',
  }))
  return { seed, preset, acts }
}
