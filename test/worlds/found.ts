import type { Act, Plan } from './plan.ts'
import type { Preset, Weather } from './weather.ts'

/**
 * A world that was wrong once, made small, and played again: such plans find more than others. What was found
 * there has a test of its own, for a call more or less throws the dice of a world anew.
 */
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
    'a put that was told to have failed while its request was on its way left the file that came of it',
    182,
    'lost',
    [
      { id: 0, at: 998_504, kind: 'put', place: 4, document: 'Doc' },
      { id: 3, at: 46_712, kind: 'put', place: 4, document: 'Doc' },
      { id: 9, at: 242_365, kind: 'delete', place: 4, document: 'Doc' },
    ],
  ),
  world(
    'a put that could not ask what the drive had stored left it there',
    314,
    'drives',
    [{ id: 3, at: 197_939, kind: 'put', place: 1, document: 'doc' }],
    ['lateHash'],
  ),
  world(
    'bytes that came by an upload URL which had failed with its connection stayed in the bucket',
    5,
    'aws',
    [
      { id: 1, at: 7_966, kind: 'list', place: 5, document: 'a' },
      { id: 3, at: 29_086, kind: 'delete', place: 5, document: 'report' },
      { id: 9, at: 163_934, kind: 'disconnect', place: 5, document: 'a' },
      { id: 12, at: 31_832, kind: 'upload-url', place: 5, document: 'Doc' },
    ],
  ),
  world(
    'a file without a hash that a dying put had made, which nobody could prove to be its work, was left there',
    13,
    'storm',
    [
      { id: 3, at: 1_989_900, kind: 'put', place: 5, document: 'aux' },
      { id: 8, at: 901_075, kind: 'intake', place: 5, document: 'aux' },
    ],
    [
      'busRefuses',
      'lostEvent',
      'lateEvent',
      'refused',
      'brokenBody',
      'damage',
      'deadSession',
      'lateHash',
      'repeatedEvent',
      'unauthorized',
    ],
  ),
  world(
    'damage of the same size passed for the drive’s own rewriting when its hash came late',
    164,
    'drives',
    [
      { id: 0, at: 2_647_707, kind: 'intake', place: 3, document: 'report' },
      { id: 1, at: 31_865, kind: 'list', place: 3, document: 'report' },
      { id: 2, at: 13_181, kind: 'intake', place: 3, document: 'report' },
      { id: 3, at: 17_674, kind: 'intake', place: 3, document: 'report' },
      { id: 4, at: 311, kind: 'upload-url', place: 3, document: 'report' },
      { id: 5, at: 36_044, kind: 'put', place: 3, document: 'report' },
      { id: 6, at: 2_216_430, kind: 'upload-url', place: 3, document: 'report' },
      { id: 7, at: 1_258_048, kind: 'put', place: 3, document: 'report' },
    ],
  ),
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
  world('a delete that ended while the last leftover was taken left an empty row for ever', 102_074, 'lost', [
    { id: 5, at: 1_684, kind: 'put', place: 2, document: 'aux' },
    { id: 6, at: 463, kind: 'drop', place: 2, document: 'aux' },
    { id: 8, at: 1_031, kind: 'delete', place: 2, document: 'aux' },
    { id: 12, at: 1_469, kind: 'intake', place: 2, document: 'aux' },
  ]),
  world('a claim that was repeated after its change had been ended began it anew', 120_740, 'lost', [
    { id: 0, at: 1_300, kind: 'drop', place: 2, document: 'Doc' },
    { id: 2, at: 2_448, kind: 'put', place: 2, document: 'Doc' },
    { id: 3, at: 903, kind: 'put', place: 2, document: 'Doc' },
    { id: 4, at: 1_271, kind: 'put', place: 2, document: 'Doc' },
    { id: 5, at: 1_943, kind: 'put', place: 2, document: 'Doc' },
    { id: 7, at: 2_421, kind: 'disconnect', place: 2, document: 'Doc' },
    { id: 9, at: 296, kind: 'intake', place: 2, document: 'Doc' },
  ]),
  world(
    'a put that a disconnect had ended was answered as stored, and the next one had created the document again',
    714_965,
    'aws',
    [
      { id: 2, at: 13_967, kind: 'disconnect', place: 2, document: 'a' },
      { id: 7, at: 12_847, kind: 'put', place: 2, document: 'a' },
      { id: 8, at: 9_245, kind: 'put', place: 2, document: 'a' },
    ],
    ['busRefuses', 'lostEvent', 'repeatedEvent', 'lateEvent'],
  ),
  world(
    'a read that was overtaken answered the file of a stranger, which lay at the old key by then',
    735_091,
    'mixed',
    [
      { id: 0, at: 306, kind: 'put', place: 2, document: 'doc' },
      { id: 1, at: 336, kind: 'drop', place: 2, document: 'doc' },
      { id: 2, at: 2_202, kind: 'own-file', place: 2, document: 'doc' },
      { id: 3, at: 466, kind: 'put', place: 2, document: 'doc' },
      { id: 4, at: 242, kind: 'get', place: 2, document: 'doc' },
      { id: 5, at: 2_828, kind: 'intake', place: 2, document: 'doc' },
      { id: 6, at: 62, kind: 'put', place: 2, document: 'doc' },
      { id: 7, at: 971, kind: 'drop', place: 2, document: 'doc' },
      { id: 8, at: 2_770, kind: 'put', place: 2, document: 'doc' },
      { id: 9, at: 1_274, kind: 'drop', place: 2, document: 'doc' },
    ],
    [
      'busRefuses',
      'lostEvent',
      'repeatedEvent',
      'lateEvent',
      'refused',
      'brokenBody',
      'damage',
      'deadSession',
      'lateHash',
      'unauthorized',
    ],
  ),
  world(
    'a file whose source was replaced before its sender was heard of again stayed in the drive',
    745_665,
    'lost',
    [
      { id: 2, at: 1_524, kind: 'drop', place: 3, document: 'Doc' },
      { id: 11, at: 514, kind: 'drop', place: 3, document: 'Doc' },
      { id: 12, at: 1_111, kind: 'delete', place: 3, document: 'Doc' },
    ],
  ),
  world(
    'a put whose first file had no hash yet took another name, and forgot the first',
    712_855,
    'storm',
    [
      { id: 5, at: 44_186, kind: 'put', place: 1, document: 'aux' },
      { id: 6, at: 17_046, kind: 'put', place: 1, document: 'a' },
    ],
    ['busRefuses', 'lostEvent', 'repeatedEvent', 'lateEvent'],
  ),
  world(
    'what an overtaken sender had made stayed, when the drive was busy at that moment',
    703_531,
    'storm',
    [
      { id: 0, at: 498, kind: 'drop', place: 6, document: 'aux' },
      { id: 2, at: 203, kind: 'drop', place: 6, document: 'aux' },
      { id: 6, at: 1_592, kind: 'drop', place: 6, document: 'aux' },
      { id: 8, at: 2_241, kind: 'put', place: 6, document: 'aux' },
    ],
    ['busRefuses', 'lostEvent', 'repeatedEvent', 'lateEvent', 'deadSession', 'lateHash'],
  ),
  world(
    'a put that ran out of time had no time to write down what it had made',
    739_372,
    'storm',
    [{ id: 3, at: 2_098, kind: 'put', place: 1, document: 'report.pdf' }],
    ['busRefuses', 'lostEvent', 'repeatedEvent', 'lateEvent', 'lateHash'],
  ),
]
