import { accounts } from '../places.ts'
import { planOf } from '../plan.ts'
import type { Weather } from '../weather.ts'
import { calm, presets } from '../weather.ts'
import { playOverHttp } from './play-over-http.ts'

/**
 * `run.ts [--seeds 100] [--from 1] [--stack 10] [--kills 2] [--tell]` plays histories over HTTP against
 * stacks of real processes, so many on each stack at once. The drives of every other stack fail, and every
 * other stack is killed. `--json`: for programs. Status 1 when something is not as it has to be.
 */
const given = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? otherwise : Number(process.argv[at + 1])
}
const [seeds, from, size] = [given('seeds', 100), given('from', 1), given('stack', 10)]
const killsAStack = given('kills', 2)
const weathers: readonly Weather[] = [presets.drives, presets.kills, calm, presets.mixed]
const print = (line: string): void => void process.stdout.write(`${line}\n`)

const totals = { histories: 0, wrong: 0, kills: 0, events: 0 }
const found: string[] = []
const began = Date.now()
for (let first = from; first < from + seeds; first += size) {
  const count = Math.min(size, from + seeds - first)
  const weather = weathers[Math.floor((first - from) / size) % weathers.length] ?? calm
  const plans = Array.from({ length: count }, (_, at) => planOf(first + at, accounts.length))
  const played = await playOverHttp(plans, {
    kills: weather.kill > 0 ? killsAStack : 0,
    weather,
    seed: first,
  })
  totals.histories += count
  totals.kills += played.kills
  totals.events += played.events
  if (played.wrong.length > 0) totals.wrong += 1
  found.push(
    ...played.wrong.map((line) => `histories ${String(first)} to ${String(first + count - 1)}: ${line}`),
  )
  if (process.argv.includes('--tell')) print([...played.story, played.printed].join('\n'))
  if (!process.argv.includes('--json')) for (const line of played.wrong) print(`WRONG ${line}`)
}
const seconds = (Date.now() - began) / 1000
print(
  process.argv.includes('--json')
    ? JSON.stringify({ ...totals, seconds, found })
    : `${String(totals.histories)} histories over HTTP, ${String(totals.kills)} kills, ${String(totals.events)} events told, ` +
        `${String(found.length)} findings, ${seconds.toFixed(0)} s`,
)
if (found.length > 0) process.exitCode = 1
