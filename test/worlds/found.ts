import type { Act, Plan } from './plan.ts'
import type { Preset, Weather } from './weather.ts'

/** A world that was wrong once, made small: what was found there stays mended. */
export interface Found {
  /** What was wrong, for a reader. */
  readonly what: string
  readonly plan: Plan
  readonly without?: readonly (keyof Weather)[]
}

const world = (
  what: string,
  seed: number,
  preset: Preset,
  acts: readonly Act[],
  without: readonly (keyof Weather)[] = [],
): Found => ({ what, plan: { seed, preset, acts }, without })

export const found: readonly Found[] = [
  world(
    'an upload that was superseded while its last bytes were on their way left its file in the drive',
    40,
    'calm',
    [
      { id: 3, at: 18_626, kind: 'intake', place: 1, document: 'aux' },
      { id: 4, at: 5_629, kind: 'intake', place: 1, document: 'aux' },
    ],
  ),
  world('a drop to another drive superseded one whose parts were complete: its object stayed', 304, 'lost', [
    { id: 8, at: 44_268, kind: 'drop', place: 5, document: 'doc' },
    { id: 12, at: 56_952, kind: 'drop', place: 4, document: 'doc' },
  ]),
  world(
    'a late hash was looked at after the bytes that could mend the damage were gone',
    8,
    'drives',
    [
      { id: 0, at: 39_770, kind: 'intake', place: 0, document: 'report' },
      { id: 1, at: 2_342_555, kind: 'put', place: 5, document: 'aux' },
      { id: 5, at: 3_081_219, kind: 'drop', place: 1, document: 'aux' },
    ],
    ['brokenBody'],
  ),
]
