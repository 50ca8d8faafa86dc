import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { replays } from '../../models/replays.ts'
import type { ModelName } from '../../models/rules.ts'
import { rules } from '../../models/rules.ts'
import { tracesIn } from '../../models/trace.ts'

describe.each(Object.keys(replays) as ModelName[])('the model of %s', (model) => {
  const traces = tracesIn(readFileSync(`test/models/traces/${model}.txt`, 'utf8'))

  it('has runs that begin at its beginning', () => {
    expect(traces.length).toBeGreaterThanOrEqual(10)
    for (const trace of traces) expect([trace[0]?.did, trace.length > 20]).toEqual(['init', true])
  })

  it.each(traces.map((trace, at) => [at, trace] as const))(
    'does in run %i what the code does, step by step',
    async (_at, trace) => expect(await replays[model].replay(trace)).toEqual([]),
  )

  it('differs from the code where one line of a run is another', async () => {
    const [trace = expect.unreachable()] = traces
    const at = trace.findLastIndex(({ stands }) => Object.keys(stands).length > 0)
    const wrong = trace.map((step, position) => (position === at ? { ...step, stands: {} } : step))
    expect(await replays[model].replay(wrong)).not.toEqual([])
  })

  it('has every rule once that is taken away from it', () => {
    const text = readFileSync(`models/${model}.qnt`, 'utf8')
    const own = Object.entries(rules).filter(([, rule]) => rule.model === model)
    expect(own.filter(([, { rule }]) => text.split(rule).length !== 2).map(([name]) => name)).toEqual([])
  })
})

it('every model is replayed', () => {
  const models = globSync('models/*.qnt').map((file) => file.replace(/^models\/|\.qnt$/g, ''))
  expect(models.toSorted()).toEqual(Object.keys(replays).toSorted())
})
