import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** What `setup` and `doctor` are told on the command line. */
export interface Target {
  readonly stage: string
  /** Outputs of the stack, as `cdk deploy --outputs-file` writes them; empty when there is no such file. */
  readonly outputs: Readonly<Record<string, string>>
}

/** Where `docs/deploy.md` has the outputs written. */
function outputsFile(stage: string): string {
  return `dist/outputs-${stage}.json`
}

function readOutputs(file: string, stage: string): Record<string, string> {
  if (!existsSync(file)) return {}
  const all = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>
  return all[`driveway-${stage}`] ?? {}
}

/** Reads `--stage` (dev when absent) and `--outputs`; throws with a sentence about what is wrong. */
export function readTarget(args: readonly string[]): Target {
  const { values } = parseArgs({
    args: [...args],
    options: { stage: { type: 'string', default: 'dev' }, outputs: { type: 'string' } },
  })
  const { stage } = values
  if (!/^[a-z][a-z0-9]{0,11}$/.test(stage)) throw new Error(`--stage ${stage} is not the name of a stage.`)
  return { stage, outputs: readOutputs(values.outputs ?? outputsFile(stage), stage) }
}
