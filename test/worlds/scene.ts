import { userId, userKeyOf } from '../../lib/ids.ts'
import type { Place } from './places.ts'
import type { Ask } from './client.ts'
import { diceNamed } from './dice.ts'
import type { Item } from './expressions.ts'
import type { Deed, Ledger } from './ledger.ts'
import type { Ground } from './ground.ts'
import type { Person } from './person.ts'
import { personOf } from './person.ts'
import type { Act } from './plan.ts'

/** All that one act works with. */
export interface Scene {
  readonly ground: Ground
  readonly ledger: Ledger
  readonly place: Place
  readonly person: Person
  readonly ask: Ask
  /** Of its history: bytes that no other has follow from it. */
  readonly seed: number
  /** Of the act alone: 0 to below 1. */
  readonly dice: () => number
  /** Writes a deed down. */
  did(document: string, deed: Deed): Deed
}

/** A url that was given out, to be used or misused later. */
export interface Upload {
  readonly sub: string
  readonly document: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
  readonly deed: Deed
}

export function sceneOf(ground: Ground, ledger: Ledger, place: Place, act: Act, seed: number): Scene {
  const name = `act ${String(act.id)} ${act.kind}`
  return {
    ground,
    ledger,
    place,
    person: personOf(ground, place),
    ask: ground.appOf(place.sub, name),
    seed,
    dice: diceNamed(seed, name),
    did(document, deed) {
      ledger.of(place.sub, document).deeds.push(deed)
      return deed
    },
  }
}

/** The document's row as it stands. */
export async function rowOf(ground: Ground, sub: string, document: string): Promise<Item | undefined> {
  const userKey = userKeyOf(userId(sub))
  const rows = await ground.rows('documents')
  return rows.find((row) => row['userKey'] === userKey && row['documentId'] === document)
}
