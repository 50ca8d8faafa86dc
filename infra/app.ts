import { App } from 'aws-cdk-lib'
import { Code } from 'aws-cdk-lib/aws-lambda'
import { bundleFunctions } from './bundling/bundle.ts'
import { consoleFolder } from './constructs/console.ts'
import { functionNames } from './functions.ts'
import { SettingsError } from './settings-error.ts'
import { readSettings } from './settings.ts'
import { readStageFile, stageFileOf } from './stage-file.ts'
import { DrivewayStack } from './stacks/driveway-stack.ts'

/** What `cdk` runs (cdk.json): the settings, the bundles, the stack. */

const bundleFolder = 'dist/functions'

async function synthesize(): Promise<void> {
  const app = new App()
  // Plain words are settings; names with signs in them are CDK's own.
  const given = Object.entries(app.node.getAllContext() as Record<string, unknown>)
  const fromContext = Object.fromEntries(given.filter(([name]) => /^[A-Za-z]\w*$/.test(name)))
  const { stage = 'dev' } = fromContext
  const file = readStageFile(String(stage))
  const settings = readSettings({ stage }, file ?? {}, fromContext)
  console.error(
    `stage ${settings.stage}: ${file === undefined ? 'the defaults, since there is no' : 'as it says in'} ${stageFileOf(settings.stage)}`,
  )
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
