import { readFileSync, rmSync } from 'node:fs'
import { App } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { Code } from 'aws-cdk-lib/aws-lambda'
import { readSettings } from '../../../../infra/settings.ts'
import { DrivewayStack } from '../../../../infra/stacks/driveway-stack.ts'

/** A resource of a synthesized template. */
export interface TemplateResource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
  readonly DeletionPolicy?: string
  readonly UpdateReplacePolicy?: string
  readonly DependsOn?: readonly string[]
}

interface CdkSettings {
  readonly app: string
  readonly context: Record<string, unknown>
}

export const cdkSettings: CdkSettings = JSON.parse(readFileSync('cdk.json', 'utf8'))

// They take a third of a synthesis's time, and have a test of their own.
const quickly = { '@aws-cdk/core:validateAgainstDefaultRules': false }

/** The stack as `cdk synth` makes it, with a word in place of each bundle; `context` is what differs. */
export function makeStack(
  chosen: Readonly<Record<string, unknown>> = {},
  consoleFolder?: string,
  context: Readonly<Record<string, unknown>> = quickly,
): {
  app: App
  stack: DrivewayStack
} {
  const app = new App({
    context: { ...cdkSettings.context, ...context },
    analyticsReporting: false,
    stackTraces: false,
    treeMetadata: false,
  })
  const stack = new DrivewayStack(app, 'driveway-test', {
    settings: readSettings({ stage: 'test' }, chosen),
    codeOf: (name) => Code.fromInline(`// ${name}`),
    consoleFolder,
  })
  return { app, stack }
}

export function synthesize(chosen: Readonly<Record<string, unknown>> = {}, consoleFolder?: string): Template {
  const { app, stack } = makeStack(chosen, consoleFolder)
  try {
    return Template.fromStack(stack)
  } finally {
    rmSync(app.outdir, { recursive: true, force: true })
  }
}

/** The template's resources of one type, by logical id. */
export function resourcesOf(template: Template, type: string): Readonly<Record<string, TemplateResource>> {
  const { Resources: all }: { Resources: Record<string, TemplateResource> } = JSON.parse(
    JSON.stringify(template.toJSON()),
  )
  return Object.fromEntries(Object.entries(all).filter(([, resource]) => resource.Type === type))
}

/**
 * A CloudFormation value as text, with logical ids in place of what only a deployment knows:
 * `{"Fn::GetAtt": ["Table", "Arn"]}` is `<Table.Arn>`, `{"Ref": "AWS::Region"}` is `<AWS::Region>`.
 */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return value.map(asText).join(',')
  const [[kind, inner] = ['', undefined]] = Object.entries(value)
  if (kind === 'Ref' && typeof inner === 'string') return `<${inner}>`
  if (kind === 'Fn::GetAtt' && Array.isArray(inner)) return `<${inner.join('.')}>`
  if (kind === 'Fn::Join' && Array.isArray(inner)) {
    const [separator, parts]: unknown[] = inner
    return Array.isArray(parts) ? parts.map(asText).join(String(separator)) : ''
  }
  return JSON.stringify(value)
}
