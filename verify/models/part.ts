import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { replays } from '../../test/models/replays.ts'
import { rules } from '../../test/models/rules.ts'
import type { ModelName } from '../../test/models/rules.ts'
import { choose, textOf } from '../../test/models/trace.ts'
import type { Part } from '../part.ts'
import { openQuint } from './quint.ts'

const here = import.meta.dirname

/** What is checked of each, and what has to come about, or the check proves nothing. */
const models: Readonly<Record<ModelName, { readonly invariants: string[]; readonly witnesses: string[] }>> = {
  cells: {
    invariants: ['noGrantLost', 'newestServed', 'nothingBack', 'packedIsClean', 'known', 'writtenOnce'],
    witnesses: ['someTogether', 'someWhole', 'twoPackers', 'someLeft', 'someGivenUp'],
  },
  lease: {
    invariants: ['grantKept', 'noStaleWrite', 'deadIsTrue', 'nothingLeft'],
    witnesses: ['someRefreshed', 'someDead', 'someClean'],
  },
}
const names = Object.keys(models) as ModelName[]
const fileOf = (model: ModelName): string => `models/${model}.qnt`

/** Runs of a model, of runs without a rule, and runs that are repeated on the code. */
const checked = { samples: 700, steps: 60, seed: '0x1' }
const tried = { samples: 5_000, steps: 60 }
const traced = { samples: 120, steps: 50, seed: '0x2' }
const recorded = 12

/** The models hold, each of their rules is needed, and the code does what they do. */
export const modelsPart: Part = {
  name: 'models',
  shows:
    'the models of cells and leases keep what is promised, do not without any of their rules, and the code does step by step what they do',
  needs: [],
  minutes: 8,
  async run({ folder, commands, install }) {
    const bin = join(await install.npm(join(here, 'npm')), 'node_modules/.bin/quint')
    const quint = openQuint(commands, bin, folder)
    const failed: string[] = []
    await Promise.all(
      names.map(async (model) => {
        await quint.typecheck(fileOf(model))
        const { violated, unseen, out } = await quint.run(fileOf(model), { ...checked, ...models[model] })
        if (violated) failed.push(`${model}: ${out.trim()}`)
        if (!(await quint.test(fileOf(model)))) failed.push(`${model}: a run of its own does not hold`)
        failed.push(...unseen.map((name) => `${model}: ${name} never comes about`))
      }),
    )
    for (const [name, { model, rule, without, breaks, seed }] of Object.entries(rules)) {
      const file = quint.changed(fileOf(model), rule, without)
      const holds =
        seed === undefined
          ? await quint.test(file, breaks)
          : !(await quint.run(file, { ...tried, seed, invariants: [breaks] })).violated
      if (holds) failed.push(`${model}: ${breaks} holds without the rule that ${name}`)
    }
    let steps = 0
    for (const model of names) {
      const { tell, replay } = replays[model]
      const at = join(folder, model)
      mkdirSync(at)
      const whole = 'pure val TRACED = false'
      const file =
        model === 'cells' ? quint.changed(fileOf(model), whole, 'pure val TRACED = true') : fileOf(model)
      await quint.run(file, { ...traced, traces: join(at, '{seq}.itf.json') })
      const traces = readdirSync(at).map((name) => tell(readFileSync(join(at, name), 'utf8')))
      for (const trace of traces) {
        steps += trace.length
        failed.push(...(await replay(trace)).map((difference) => `${model}: ${difference}`))
      }
      if (process.env['DRIVEWAY_RECORD_TRACES'] === '1')
        writeFileSync(`test/models/traces/${model}.txt`, textOf(choose(traces, recorded)))
    }
    const count = Object.keys(rules).length
    const passed = names.length + count + names.length * traced.samples - failed.length
    const figures = `${String(checked.samples)} runs each, ${String(count)} rules, ${String(steps)} steps repeated`
    return { passed, failed, figures }
  },
}
