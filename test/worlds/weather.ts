/** Chances of one world, each from 0 to 1 a call unless it says otherwise. */
export interface Weather {
  /** The process dies before, or right after, a call. */
  readonly kill: number
  readonly lostRequest: number
  readonly lostAnswer: number
  /** A call takes seconds, its answer up to a minute. */
  readonly slow: number
  /** AWS says that it is busy. */
  readonly awsBusy: number
  /** The event bus takes none, or only some, of what it is given. */
  readonly busRefuses: number
  /** S3's event of an object never comes, comes twice, comes late: a chance an object. */
  readonly lostEvent: number
  readonly repeatedEvent: number
  readonly lateEvent: number
  /** The drive answers 429, 5xx, a refusal that passes, a page instead of JSON. */
  readonly refused: number
  /** An answer, or a request with content, breaks off. */
  readonly brokenBody: number
  /** Bytes that are stored are not those that were sent. */
  readonly damage: number
  /** An upload session is over before its time. */
  readonly deadSession: number
  /** A drive has not computed the hash of a file yet. */
  readonly lateHash: number
  /** A token is refused that was good. */
  readonly unauthorized: number
}

export const calm: Weather = {
  kill: 0,
  lostRequest: 0,
  lostAnswer: 0,
  slow: 0,
  awsBusy: 0,
  busRefuses: 0,
  lostEvent: 0,
  repeatedEvent: 0,
  lateEvent: 0,
  refused: 0,
  brokenBody: 0,
  damage: 0,
  deadSession: 0,
  lateHash: 0,
  unauthorized: 0,
}

const mixed: Weather = {
  kill: 0.01,
  lostRequest: 0.015,
  lostAnswer: 0.015,
  slow: 0.01,
  awsBusy: 0.01,
  busRefuses: 0.05,
  lostEvent: 0.1,
  repeatedEvent: 0.2,
  lateEvent: 0.1,
  refused: 0.03,
  brokenBody: 0.01,
  damage: 0.02,
  deadSession: 0.02,
  lateHash: 0.1,
  unauthorized: 0.01,
}

/** Kinds of weather: a world has one of them, so that faults also meet alone. */
export const presets = {
  calm,
  mixed,
  /** Only processes that die. */
  kills: { ...calm, kill: 0.03, lostEvent: 0.05 },
  /** Only answers that get lost: who repeats meets his own work. */
  lost: { ...calm, lostRequest: 0.04, lostAnswer: 0.06, slow: 0.03 },
  /** Only the drives' own faults. */
  drives: {
    ...calm,
    refused: 0.08,
    brokenBody: 0.03,
    damage: 0.08,
    deadSession: 0.06,
    lateHash: 0.3,
    unauthorized: 0.02,
  },
  /** Only our own side's. */
  aws: {
    ...calm,
    awsBusy: 0.05,
    busRefuses: 0.3,
    lostEvent: 0.2,
    repeatedEvent: 0.4,
    lateEvent: 0.4,
    lostAnswer: 0.02,
  },
  storm: { ...mixed, kill: 0.03, lostAnswer: 0.04, refused: 0.06, damage: 0.05, deadSession: 0.05 },
} as const satisfies Readonly<Record<string, Weather>>

export type Preset = keyof typeof presets
