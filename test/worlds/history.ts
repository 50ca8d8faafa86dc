import { auditContent } from './audit-content.ts'
import { auditDrives } from './audit-drives.ts'
import { auditRows } from './audit-rows.ts'
import type { Place } from './places.ts'
import { doorActs, reconnect } from './door-acts.ts'
import { driveActs } from './drive-acts.ts'
import type { Ground } from './ground.ts'
import type { Ledger } from './ledger.ts'
import type { ActKind, Plan } from './plan.ts'
import { sceneOf } from './scene.ts'
import { weatherActs } from './weather-acts.ts'

const acts = { ...doorActs, ...driveActs, ...weatherActs } satisfies Record<ActKind, unknown>

export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)

/** Everything that a plan has done, each act at its time. */
export function schedule(ground: Ground, ledger: Ledger, plan: Plan, places: readonly Place[]): void {
  for (const act of plan.acts) {
    const place = places[act.place]
    if (!place) throw new Error(`There is no place ${String(act.place)}.`)
    ground.after(act.at, () => {
      const scene = sceneOf(ground, ledger, place, act, plan.seed)
      acts[act.kind](scene, act).catch((error: unknown) =>
        ledger.find('world', `${act.kind}: ${stackOf(error)}`),
      )
    })
  }
}

/** The places that a plan uses. */
export const placesOf = (plan: Plan, places: readonly Place[]): Place[] =>
  [...new Set(plan.acts.map((act) => act.place))].flatMap((at) => places[at] ?? [])

/** Their users give the consents again that have died, or are about to. */
export async function renewGrants(ground: Ground, ledger: Ledger, places: readonly Place[]): Promise<void> {
  const rows = await ground.rows('connections')
  for (const place of places) {
    const row = rows.find((one) => one['connectionId'] === place.connectionId)
    if (row?.['status'] !== 'requires_reauth' && !ledger.revoked.has(place.account)) continue
    if (row?.['status'] === 'disconnected') continue
    const act = { id: -1, at: 0, kind: 'reconnect', place: 0, document: '' } as const
    void reconnect(sceneOf(ground, ledger, place, act, 0))
  }
}

/** Nothing that was begun is under way any more. */
export async function isAtRest(ground: Ground): Promise<boolean> {
  const documents = await ground.rows('documents')
  if (documents.some((row) => row['open'] !== undefined)) return false
  // An object whose event was lost is found when the bucket is listed.
  const lying = await ground.objects('intake')
  return lying.every(({ tags }) => tags['driveway'] !== undefined) && !(await ground.isBusy())
}

/** Looks at what has become of it all; what is not as the invariants have it stands in the ledger then. */
export async function audit(ground: Ground, ledger: Ledger, places: readonly Place[]): Promise<void> {
  await auditRows(ground, ledger)
  await auditDrives(ground, ledger, places)
  await auditContent(ground, ledger)
}
