import { copyFileSync, linkSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Stage } from 'aws-cdk-lib'
import { Code } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { Deployment } from './constructs/deployment.ts'
import type { ChosenSettings } from './settings.ts'
import { readSettings } from './settings.ts'

/** The construct of the package, which carries the functions and the console ready made. */

export interface DrivewayProps extends ChosenSettings {
  /** Settings of single providers by their names: `{ microsoftTenantId: '…' }`. */
  readonly providers?: Readonly<Record<string, string>>
  /** Without it no console is deployed. On when left out. */
  readonly console?: boolean
}

/** Of each function: the files of its bundle, by their names there and in the package. */
type Carried = Readonly<Record<string, Readonly<Record<string, string>>>>

const carried = import.meta.dirname

/**
 * Storage for document apps in the user's own cloud, as a part of your stack. Throws SettingsError, which
 * names each prop that does not fit. The stage is part of every name in the account: one for each construct.
 */
export class Driveway extends Deployment {
  constructor(scope: Construct, id: string, { providers, console = true, ...chosen }: DrivewayProps) {
    super(scope, id, {
      settings: readSettings({ ...chosen }, providers ?? {}),
      codeOf: unpacked(join(Stage.of(scope)?.outdir ?? 'cdk.out', `.driveway-${chosen.stage}`)),
      consoleFolder: console ? join(carried, 'console') : undefined,
    })
  }
}

/**
 * Bundles have most of their files in common, so the package holds each file once. They are put together
 * beside what CDK writes, where they stay for a CDK that deploys from there.
 */
function unpacked(into: string): (functionName: string) => Code {
  const functions = JSON.parse(readFileSync(join(carried, 'functions.json'), 'utf8')) as Carried
  rmSync(into, { recursive: true, force: true })
  return (functionName) => {
    const folder = join(into, functionName)
    mkdirSync(folder, { recursive: true })
    for (const [name, file] of Object.entries(functions[functionName] ?? {}))
      linkOrCopy(join(carried, 'files', file), join(folder, name))
    return Code.fromAsset(folder)
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    // Another file system, or one without links.
    copyFileSync(from, to)
  }
}
