import type { Part } from '../part.ts'

/** No world is begun after so long; a core plays some ten a second. */
const withinSeconds = 360
/** Others than those of `npm test`. */
const firstSeed = 10_000

interface Told {
  readonly worlds: number
  readonly wrong: number
  readonly found: readonly { readonly finding: string; readonly seeds: readonly number[] }[]
}

/** Thousands of worlds that `npm test` has no time for, under every weather. */
export const worlds: Part = {
  name: 'worlds',
  shows:
    'thousands of histories of the whole product in one process, under seeded faults and deaths, keep what is promised',
  needs: [],
  minutes: 12,
  async run({ commands }) {
    const script = ['--import', './test/worlds/determinism.ts', 'test/worlds/run.ts', '--json']
    const range = ['--from', String(firstSeed), '--seeds', '5000', '--within', String(withinSeconds)]
    const { out } = await commands.run(process.execPath, [...script, ...range])
    const told = JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Told
    return {
      passed: told.worlds - told.wrong,
      failed: told.found.map(({ finding, seeds }) => `seed ${seeds.join(', ')}: ${finding}`),
      figures: `${String(told.worlds)} worlds`,
    }
  },
}
