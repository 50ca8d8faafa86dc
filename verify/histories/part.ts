import type { Part } from '../part.ts'

interface Told {
  readonly histories: number
  readonly kills: number
  readonly found: readonly string[]
}

/** Histories as `worlds` plays them, over HTTP against real processes. */
export const histories: Part = {
  name: 'histories',
  shows:
    'histories over HTTP, against stacks of real processes whose drives fail and that are killed, end as those in one process do',
  needs: [],
  minutes: 8,
  async run({ commands }) {
    const script = ['test/worlds/over-http/run.ts', '--json', '--from', '10000', '--seeds', '20']
    const { out } = await commands.run(process.execPath, script)
    const told = JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Told
    return {
      passed: told.histories,
      failed: told.found,
      figures: `${String(told.histories)} histories, ${String(told.kills)} kills of the whole stack`,
    }
  },
}
