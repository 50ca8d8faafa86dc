import { begin } from './beginning.ts'
import { found } from './found.ts'
import type { Plan } from './plan.ts'
import { planOf } from './plan.ts'
import type { Played } from './play.ts'
import { play } from './play.ts'
import { kindOf, shrink } from './shrink.ts'
import type { Preset } from './weather.ts'
import { presets } from './weather.ts'

/**
 * `run.ts --seeds 200 [--from 1] [--preset kills] [--within 60]` plays worlds, for so many seconds at most,
 * and lists what was wrong, by kind; with `--break judge` without a rule, until one notices.
 * `run.ts --seed 7 [--shrink]` plays one and tells it, or makes it small first. `--json`: for programs.
 */

const given = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? undefined : (process.argv[at + 1] ?? '')
}
const print = (line: string): void => void process.stdout.write(`${line}\n`)

const everybody = await begin()
const only = given('preset')
const preset = only !== undefined && only in presets ? (only as Preset) : undefined
const planFor = (seed: number): Plan => planOf(seed, everybody.places.length, preset)

const one = given('seed')
if (one !== undefined) await tellOne(planFor(Number(one)))
else if (process.argv.includes('--found')) await playFound()
else await playMany(Number(given('from') ?? 1), Number(given('seeds') ?? 200))

async function tellOne(plan: Plan): Promise<void> {
  const tracing = process.argv.includes('--trace')
  const small = process.argv.includes('--shrink') ? await shrink(everybody, plan, tracing) : undefined
  const played = small?.played ?? (await play(everybody, plan, { tracing }))
  print([...played.story, ...played.wrong.map((line) => `WRONG ${line}`)].join('\n'))
  if (small) print(JSON.stringify({ ...small.plan, without: small.options.without }))
  print(`${played.fingerprint}, ${String(played.calls)} calls, ${String(played.events)} events`)
}

/** The worlds that found something once, one after the other. */
async function playFound(): Promise<void> {
  for (const { plan, without = [] } of found) {
    const { wrong } = await play(everybody, plan, { without })
    print(JSON.stringify({ seed: plan.seed, preset: plan.preset, wrong }))
  }
}

async function playMany(from: number, count: number): Promise<void> {
  const kinds = new Map<string, { finding: string; seeds: number[] }>()
  const totals = { worlds: 0, wrong: 0, calls: 0, events: 0 }
  const began = process.hrtime.bigint()
  const passed = (): number => Number(process.hrtime.bigint() - began) / 1e9
  const within = Number(given('within') ?? Number.POSITIVE_INFINITY)
  for (let seed = from; seed < from + count && passed() < within; seed += 1) {
    const played = await play(everybody, planFor(seed))
    totals.worlds += 1
    totals.calls += played.calls
    totals.events += played.events
    if (played.wrong.length > 0) totals.wrong += 1
    for (const finding of played.wrong) note(kinds, finding, played)
    if (totals.wrong > 0 && given('break') !== undefined) break
  }
  const seconds = passed()
  const sorted = [...kinds.values()].sort((a, b) => b.seeds.length - a.seeds.length)
  if (process.argv.includes('--json')) {
    print(JSON.stringify({ ...totals, seconds, found: sorted }))
    return
  }
  for (const { finding, seeds } of sorted)
    print(
      `${String(seeds.length).padStart(5)}  ${finding.slice(0, 200)}   seeds ${seeds.slice(0, 5).join(' ')}`,
    )
  print(
    `${String(totals.worlds)} worlds, ${String(totals.wrong)} wrong, ${seconds.toFixed(1)} s, ` +
      `${(totals.calls / totals.worlds).toFixed(0)} calls and ${(totals.events / totals.worlds).toFixed(0)} events a world`,
  )
  if (totals.wrong > 0) process.exitCode = 1
}

function note(
  kinds: Map<string, { finding: string; seeds: number[] }>,
  finding: string,
  played: Played,
): void {
  const kind = kindOf(finding)
  const known = kinds.get(kind) ?? { finding, seeds: [] }
  kinds.set(kind, known)
  known.seeds.push(played.plan.seed)
}
