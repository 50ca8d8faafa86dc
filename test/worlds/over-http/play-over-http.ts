import { systemClock } from '../../../lib/clock.ts'
import type { Place } from '../places.ts'
import { accounts } from '../places.ts'
import { connect } from '../client.ts'
import { diceNamed } from '../dice.ts'
import type { Cloud } from '../drives.ts'
import { audit, isAtRest, placesOf, renewGrants, schedule, stackOf } from '../history.ts'
import { Ledger } from '../ledger.ts'
import type { Plan } from '../plan.ts'
import { refusals } from '../refusals.ts'
import type { Weather } from '../weather.ts'
import type { Life } from './life.ts'
import { beginLife } from './life.ts'
import type { Outside } from './outside.ts'
import { lookFromOutside, offsets } from './outside.ts'
import type { StackGround } from './stack-ground.ts'
import { onStack } from './stack-ground.ts'

export interface PlayedOverHttp {
  readonly wrong: readonly string[]
  readonly story: readonly string[]
  /** What the stack has printed. */
  readonly printed: string
  readonly kills: number
  readonly events: number
}

export interface StackOptions {
  /** SIGKILLs of the whole stack while the plans are played. */
  readonly kills: number
  readonly weather: Weather
  /** Of the faults and kills. */
  readonly seed: number
}

const hour = 3_600_000
const tickMs = 150
/** A history's hour, by `pace`. */
const workMs = 11_400

/**
 * Plays plans against one running stack, all at once and each with users of its own, and looks at what is
 * there when everything has come to rest.
 */
export async function playOverHttp(plans: readonly Plan[], options: StackOptions): Promise<PlayedOverHttp> {
  const life = await beginLife()
  const outside = lookFromOutside(life)
  const ledger = new Ledger()
  const ground = onStack(life, outside, ledger, options.weather.damage > 0)
  try {
    const used: Place[] = []
    for (const plan of plans) {
      const places = await placesFor(ground, plan)
      used.push(...placesOf(plan, places))
      schedule(ground, ledger, plan, places)
    }
    await Promise.all([strike(life, outside, options), blow(life, outside, options), quiet(ground)])
    await life.whileUp(() => outside.clearFaults())
    await renewGrants(ground, ledger, used)
    await quiet(ground)
    await comeToRest(life, outside, ground)
    await audit(ground, ledger, used)
  } catch (error) {
    ledger.find('histories', stackOf(error))
  } finally {
    outside.close()
    await life.dispose()
  }
  return {
    wrong: [...new Set(ledger.wrong)],
    story: ground.story,
    printed: life.printed(),
    kills: life.kills,
    events: outside.gathered.told.length,
  }
}

/** The plan's own users, each with the drives that it uses. */
async function placesFor(ground: StackGround, plan: Plan): Promise<Place[]> {
  const own = accounts.map(({ sub, provider, account }) => ({
    sub: `${sub}-${String(plan.seed)}`,
    provider,
    account: account === '' ? '' : `h${String(plan.seed)}.${account}`,
    connectionId: '',
  }))
  return await Promise.all(
    own.map(async (place, at) => {
      if (!plan.acts.some((act) => act.place === at)) return place
      const connectionId = await connect(
        ground,
        ground.appOf(place.sub, 'connect'),
        place.provider,
        place.account,
      )
      if (connectionId === undefined) throw new Error(`${place.account} could not be connected.`)
      return { ...place, connectionId }
    }),
  )
}

async function quiet(ground: StackGround): Promise<void> {
  while (!ground.isQuiet()) await systemClock.sleep(tickMs)
}

/** Kills the stack at moments that nobody has chosen. */
async function strike(life: Life, outside: Outside, { kills, seed }: StackOptions): Promise<void> {
  const dice = diceNamed(seed, 'kills')
  for (let kill = 0; kill < kills; kill += 1) {
    await systemClock.sleep((dice() * workMs) / kills)
    await life.kill(() => outside.gather())
  }
}

/** Arms the drives' faults, as often as their weather has it. */
async function blow(life: Life, outside: Outside, { weather, seed }: StackOptions): Promise<void> {
  const dice = diceNamed(seed, 'weather')
  const happens = (kind: keyof Weather): boolean => dice() < weather[kind] * 3
  const end = Date.now() + workMs
  while (Date.now() < end) {
    for (const cloud of Object.keys(offsets) as Cloud[]) {
      const arm = async (): Promise<void> => {
        const [refusal] = [refusals(cloud)[Math.floor(dice() * 9)]]
        if (refusal && happens('refused')) await outside.fault(cloud, refusal, 1)
        if (happens('unauthorized')) await outside.fault(cloud, { type: 'status', status: 401 }, 1, content)
        if (happens('damage')) await outside.fault(cloud, { type: 'corrupt' }, 1, 'upload')
        if (happens('brokenBody'))
          await outside.fault(cloud, { type: 'reset', afterBytes: Math.floor(dice() * 5000) }, 1, 'upload')
        if (happens('brokenBody'))
          await outside.fault(cloud, { type: 'truncate', afterBytes: Math.floor(dice() * 40) }, 1, content)
        if (happens('lostAnswer')) await outside.fault(cloud, { type: 'commit-then-reset' }, 1, content)
        if (happens('deadSession')) await outside.expireSessions(cloud)
      }
      await life.whileUp(arm)
    }
    await systemClock.sleep(tickMs)
  }
}
/** Of paths: not where tokens are given out. */
const content = '/(?:drive|files|me|upload)'

/** The clocks go on in steps, as days do, until nothing is under way any more. */
async function comeToRest(life: Life, outside: Outside, ground: StackGround): Promise<void> {
  const steps = [0, 1, 1, 2, 4, 8]
  for (const hours of steps) {
    if (hours > 0) await life.later(hours * hour, () => outside.gather())
    for (let look = 0; look < 40; look += 1) {
      if (await isAtRest(ground)) return
      await systemClock.sleep(250)
    }
  }
}
