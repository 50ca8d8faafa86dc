import type { Template } from 'aws-cdk-lib/assertions'
import { asText, resourcesOf } from './stack.ts'

/** One thing that a function may do, on one resource: `<LogicalId.Arn>`, an ARN, or a pattern of it. */
export interface Permission {
  readonly action: string
  readonly resource: string
  readonly condition?: string
}

interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: unknown
  readonly Condition?: unknown
}

const list = <Value>(value: Value | readonly Value[]): readonly Value[] =>
  Array.isArray(value) ? value : [value as Value]

function roleOf(value: unknown): string {
  return asText(value)
    .replace(/^<(.+)\.Arn>$/, '$1')
    .replace(/^<(.+)>$/, '$1')
}

/** What each function may do, by the name of its file, read from the policies of its role. */
export function permissionsOf(template: Template): ReadonlyMap<string, readonly Permission[]> {
  const functionOfRole = new Map<string, string>()
  for (const { Properties } of Object.values(resourcesOf(template, 'AWS::Lambda::Function'))) {
    const name = String(Properties['FunctionName']).split('-').slice(2).join('-')
    functionOfRole.set(roleOf(Properties['Role']), name)
  }
  const permissions = new Map<string, Permission[]>()
  for (const { Properties } of Object.values(resourcesOf(template, 'AWS::IAM::Policy'))) {
    const { Statement: statements } = Properties['PolicyDocument'] as { Statement: readonly Statement[] }
    for (const role of list(Properties['Roles'])) {
      const name = functionOfRole.get(roleOf(role))
      if (name === undefined) continue
      const granted = statements.flatMap((statement) =>
        list(statement.Action).flatMap((action) =>
          list(statement.Resource).map((resource) => ({
            action,
            resource: asText(resource),
            ...(statement.Condition === undefined ? {} : { condition: JSON.stringify(statement.Condition) }),
          })),
        ),
      )
      permissions.set(name, [...(permissions.get(name) ?? []), ...granted])
    }
  }
  return permissions
}

/** The variables that each function is given, as the template has them. */
export function variablesOf(template: Template): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const functions = Object.values(resourcesOf(template, 'AWS::Lambda::Function'))
  return new Map(
    functions.map(({ Properties }) => {
      const { Variables = {} } = (Properties['Environment'] ?? {}) as { Variables?: Record<string, unknown> }
      return [String(Properties['FunctionName']).split('-').slice(2).join('-'), Variables]
    }),
  )
}
