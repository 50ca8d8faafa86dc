import { existsSync, readFileSync } from 'node:fs'
import { App } from 'aws-cdk-lib'
import { Code } from 'aws-cdk-lib/aws-lambda'
import { bundleFunctions } from './bundling/bundle.ts'
import { consoleFolder } from './constructs/console.ts'
import { functionNames } from './functions.ts'
import { readSettings, settingNames, SettingsError } from './settings.ts'
import { DrivewayStack } from './stacks/driveway-stack.ts'

/** What `cdk` runs (cdk.json): the settings, the bundles, the stack. */

const bundleFolder = 'dist/functions'

function stageFile(stage: string): Record<string, unknown> {
  const file = `infra/stages/${stage}.json`
  if (!existsSync(file)) return {}
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof content !== 'object' || content === null)
    throw new SettingsError(`${file} has to hold a JSON object.`)
  return { ...content }
}

async function synthesize(): Promise<void> {
  const app = new App()
  const context = (name: string): unknown => app.node.tryGetContext(name)
  const chosen = context('stage')
  const stage = typeof chosen === 'string' ? chosen : 'dev'
  const fromContext = Object.fromEntries(settingNames.map((name) => [name, context(name)]))
  const settings = readSettings({ stage }, stageFile(stage), fromContext)
  const bundles = await bundleFunctions(functionNames, bundleFolder)
  const account = settings.account ?? process.env['CDK_DEFAULT_ACCOUNT']
  const region = settings.region ?? process.env['CDK_DEFAULT_REGION']
  new DrivewayStack(app, `driveway-${settings.stage}`, {
    settings,
    codeOf: (name) => {
      const bundle = bundles.get(name)
      if (bundle === undefined) throw new Error(`${name} was not bundled.`)
      return Code.fromAsset(bundle.directory)
    },
    consoleFolder: consoleFolder(),
    env: {
      ...(account === undefined ? {} : { account }),
      ...(region === undefined ? {} : { region }),
    },
    description: 'Driveway: storage for document apps in the user’s own cloud.',
  })
  app.synth()
}

try {
  await synthesize()
} catch (error) {
  if (!(error instanceof SettingsError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
