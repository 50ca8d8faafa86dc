import { userId, userKeyOf } from '../../lib/ids.ts'
import type { Place } from './beginning.ts'
import type { Ask } from './client.ts'
import { appOf } from './client.ts'
import type { Deployment } from './deployment.ts'
import type { Item } from './expressions.ts'
import type { Deed, Ledger } from './ledger.ts'
import type { Network } from './network.ts'
import type { Person } from './person.ts'
import { personOf } from './person.ts'
import type { Act } from './plan.ts'
import type { World } from './world.ts'

/** All that one act works with. */
export interface Scene {
  readonly world: World
  readonly network: Network
  readonly deployment: Deployment
  readonly ledger: Ledger
  readonly place: Place
  readonly person: Person
  readonly ask: Ask
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

export function sceneOf(
  world: World,
  network: Network,
  deployment: Deployment,
  ledger: Ledger,
  place: Place,
  act: Act,
): Scene {
  const name = `act ${String(act.id)} ${act.kind}`
  return {
    world,
    network,
    deployment,
    ledger,
    place,
    person: personOf(deployment, place),
    ask: appOf(deployment, place.sub, name),
    dice: world.dice(name),
    did(document, deed) {
      ledger.of(place.sub, document).deeds.push(deed)
      return deed
    },
  }
}

/** The document's row as it stands. */
export function rowOf({ aws }: Deployment, sub: string, document: string): Item | undefined {
  const userKey = userKeyOf(userId(sub))
  return aws.tables
    .all('documents')
    .find((row) => row['userKey'] === userKey && row['documentId'] === document)
}
