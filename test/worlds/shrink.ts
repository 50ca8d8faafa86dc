import type { Everybody } from './beginning.ts'
import type { Plan } from './plan.ts'
import type { Played, PlayOptions } from './play.ts'
import { play } from './play.ts'
import type { Weather } from './weather.ts'
import { presets } from './weather.ts'

/** One kind of finding, whatever the ids and numbers in it. */
export const kindOf = (finding: string): string =>
  finding
    .replaceAll(/\[\d+\] [^|]*/g, '… ')
    .replaceAll(/\S*\/\S*|\([^)]*\)|[0-9a-f-]{8,}|\d+/g, '…')
    .slice(0, 90)

/** The same thing going wrong with as few acts and kinds of fault as it takes. */
export async function shrink(
  everybody: Everybody,
  plan: Plan,
  tracing: boolean,
): Promise<{ readonly plan: Plan; readonly options: PlayOptions; readonly played: Played } | undefined> {
  const kind = (await play(everybody, plan)).wrong.map(kindOf)[0]
  if (kind === undefined) return undefined
  const breaks = async (smaller: Plan, without: readonly (keyof Weather)[]): Promise<boolean> =>
    (await play(everybody, smaller, { without })).wrong.some((finding) => kindOf(finding) === kind)
  let small = plan
  let without: readonly (keyof Weather)[] = []
  for (let round = 0; round < 2; round += 1) {
    for (const act of small.acts) {
      const fewer = { ...small, acts: small.acts.filter((other) => other !== act) }
      if (await breaks(fewer, without)) small = fewer
    }
    const faults = Object.keys(presets.mixed) as (keyof Weather)[]
    for (const fault of faults.filter((name) => presets[plan.preset][name] > 0 && !without.includes(name)))
      if (await breaks(small, [...without, fault])) without = [...without, fault]
  }
  const options = { without, tracing }
  return { plan: small, options, played: await play(everybody, small, options) }
}
