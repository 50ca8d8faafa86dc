import type { Everybody, Place } from './beginning.ts'
import { auditContent } from './audit-content.ts'
import { auditDrives } from './audit-drives.ts'
import { auditRows } from './audit-rows.ts'
import type { Deployment } from './deployment.ts'
import { intakeBucket, openDeployment } from './deployment.ts'
import { doorActs, reconnect } from './door-acts.ts'
import { driveActs } from './drive-acts.ts'
import { forgetHashes } from './hashes.ts'
import { Ledger } from './ledger.ts'
import { Network } from './network.ts'
import type { ActKind, Plan } from './plan.ts'
import { sceneOf } from './scene.ts'
import { weatherActs } from './weather-acts.ts'
import type { Weather } from './weather.ts'
import { calm, presets } from './weather.ts'
import { World } from './world.ts'

export interface Played {
  readonly plan: Plan
  /** What is not as the invariants have it; empty for a world that is right. */
  readonly wrong: readonly string[]
  readonly story: readonly string[]
  readonly fingerprint: string
  readonly calls: number
  readonly events: number
}

export interface PlayOptions {
  readonly tracing?: boolean
  /** Kinds of fault that are left out of the weather. */
  readonly without?: readonly (keyof Weather)[]
}

const acts = { ...doorActs, ...driveActs, ...weatherActs } satisfies Record<ActKind, unknown>
const workMs = 4_500_000
/** A message whose worker died comes back after an hour and a half, and URLs end after two. */
const restMs = 16 * 3_600_000
// Not a multiple of the sweep's, so that none has just begun.
const restStepMs = 610_000

/** Plays one world to its end and looks at what is there then. */
export async function play(everybody: Everybody, plan: Plan, options: PlayOptions = {}): Promise<Played> {
  const world = new World(plan.seed, options.tracing)
  forgetHashes()
  const off = Object.fromEntries((options.without ?? []).map((kind) => [kind, 0]))
  const network = new Network(world, { ...presets[plan.preset], ...off })
  const ledger = new Ledger()
  let wrong: string[]
  try {
    const deployment = await openDeployment(network, everybody)
    const start = world.now
    deployment.startSweeping()
    for (const act of plan.acts) {
      const place = everybody.places[act.place]
      if (!place) throw new Error(`There is no place ${String(act.place)}.`)
      world.after(act.at, () => {
        const scene = sceneOf(world, network, deployment, ledger, place, act)
        acts[act.kind](scene, act).catch((error: unknown) =>
          ledger.find('world', `${act.kind}: ${stackOf(error)}`),
        )
      })
    }
    await world.run(start + workMs)
    const used = [...new Set(plan.acts.map((act) => act.place))].flatMap((at) => everybody.places[at] ?? [])
    await comeToRest(world, network, deployment, ledger, used)
    auditRows(deployment, ledger, world)
    await auditDrives(deployment, ledger, used, network)
    await auditContent(world, deployment, ledger)
    wrong = [...ledger.wrong]
  } catch (error) {
    wrong = [...ledger.wrong, `world: ${stackOf(error)}`]
  }
  return {
    plan,
    wrong: [...new Set(wrong)],
    story: world.story,
    fingerprint: world.fingerprint(),
    calls: world.calls,
    events: world.events,
  }
}

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)

/** The weather clears, dead grants are renewed, and whatever was begun has to end by itself. */
async function comeToRest(
  world: World,
  network: Network,
  deployment: Deployment,
  ledger: Ledger,
  places: readonly Place[],
): Promise<void> {
  world.tell('The weather clears')
  network.weather = calm
  network.outages.clear()
  for (const place of places) {
    const row = deployment.aws.tables
      .all('connections')
      .find((one) => one['connectionId'] === place.connectionId)
    if (row?.['status'] !== 'requires_reauth' && !ledger.revoked.has(place.account)) continue
    if (row?.['status'] === 'disconnected') continue
    const act = { id: -1, at: 0, kind: 'reconnect', place: 0, document: '' } as const
    void reconnect(sceneOf(world, network, deployment, ledger, place, act))
  }
  const end = world.now + restMs
  do await world.run(world.now + restStepMs)
  while (world.now < end && !isAtRest(deployment))
  world.tell('At rest')
}

function isAtRest({ aws, lambda, untold }: Deployment): boolean {
  const isOpen = aws.tables.all('documents').some((row) => row['open'] !== undefined)
  // An object whose event was lost is found when the bucket is listed.
  const lies = [...aws.buckets.of(intakeBucket)].some(([, { tags }]) => tags['driveway'] === undefined)
  return (
    !isOpen &&
    !lies &&
    Object.values(aws.queues).every(({ messages }) => messages.size === 0) &&
    untold.length === 0 &&
    lambda.running === 0
  )
}
