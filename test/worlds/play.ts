import type { Everybody } from './beginning.ts'
import { openDeployment } from './deployment.ts'
import { forgetHashes } from './hashes.ts'
import { audit, isAtRest, placesOf, renewGrants, schedule, stackOf } from './history.ts'
import { inMemory } from './in-memory.ts'
import { Ledger } from './ledger.ts'
import { Network } from './network.ts'
import type { Plan } from './plan.ts'
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
    const ground = inMemory(network, deployment)
    deployment.startSweeping()
    schedule(ground, ledger, plan, everybody.places)
    await world.run(world.now + workMs)
    world.tell('The weather clears')
    network.weather = calm
    network.outages.clear()
    const used = placesOf(plan, everybody.places)
    await renewGrants(ground, ledger, used)
    const end = world.now + restMs
    do await world.run(world.now + restStepMs)
    while (world.now < end && !(await isAtRest(ground)))
    world.tell('At rest')
    await audit(ground, ledger, used)
    world.whisper(JSON.stringify(await ground.rows('documents')))
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
