import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { providerSettings } from '../provider-settings.ts'
import { readStageFile } from '../stage-file.ts'

/** What `setup` and `doctor` are told on the command line. */
export interface Target {
  readonly stage: string
  /** Outputs of the stack, as `cdk deploy --outputs-file` writes them; empty when there is no such file. */
  readonly outputs: Readonly<Record<string, string>>
  /** Tell the alarms' topic something, so that whoever listens sees that they would be told. */
  readonly testAlarm: boolean
}

/** What `--help` says. `more`: what only one of the commands has. */
const usage = (command: string, more: string): string => `usage: npm run ${command} -- [options]

  --stage name     the deployment, dev when left out; its region and its providers' settings
                   are those of infra/stages/{name}.json
  --outputs file   what cdk deploy --outputs-file wrote, dist/outputs-{stage}.json when left out
${more}`

/** Where `docs/deploy.md` has the outputs written. */
function outputsFile(stage: string): string {
  return `dist/outputs-${stage}.json`
}

function readOutputs(file: string, stage: string): Record<string, string> {
  if (!existsSync(file)) return {}
  const all = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>
  return all[`driveway-${stage}`] ?? {}
}

/**
 * Reads the options; undefined when `--help` was all that was asked. What the stage's file says of the region
 * and of single providers goes into `env`, where AWS's clients and the providers' facts look for it: the
 * deployment decides, not the shell. Throws with a sentence about what is wrong.
 */
export function readTarget(
  command: { readonly name: string; readonly help: string },
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Target | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      stage: { type: 'string', default: 'dev' },
      outputs: { type: 'string' },
      'test-alarm': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage(command.name, command.help))
    return undefined
  }
  if (values['test-alarm'] && command.name !== 'doctor')
    throw new Error('--test-alarm is an option of doctor.')
  const { stage } = values
  if (!/^[a-z][a-z0-9]{0,11}$/.test(stage)) throw new Error(`--stage ${stage} is not the name of a stage.`)
  const chosen = readStageFile(stage) ?? {}
  if (typeof chosen['region'] === 'string') env['AWS_REGION'] = chosen['region']
  for (const { name, variable, chosen: setting } of providerSettings) {
    const value = chosen[name]
    env[variable] = typeof value === 'string' ? value : setting.default
  }
  const outputs = readOutputs(values.outputs ?? outputsFile(stage), stage)
  return { stage, outputs, testAlarm: values['test-alarm'] }
}
