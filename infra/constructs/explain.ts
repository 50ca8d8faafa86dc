import { Stack, Validations } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** A CloudFormation value as cdk-nag writes it in the names of its findings: `<LogicalId.Arn>/*`. */
function flattened(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return ''
  const entry = Object.entries(value)[0]
  if (entry === undefined) return ''
  const [kind, inner]: [string, unknown] = entry
  if (kind === 'Ref' && typeof inner === 'string') return `<${inner}>`
  if (!Array.isArray(inner)) return ''
  if (kind === 'Fn::GetAtt') return `<${inner.join('.')}>`
  const [separator, parts]: unknown[] = inner
  return kind === 'Fn::Join' && typeof separator === 'string' && Array.isArray(parts)
    ? parts.map(flattened).join(separator)
    : ''
}

/** Explains to cdk-nag why a policy below `scope` names `resource` with a wildcard. */
export function explainWildcard(scope: Construct, resource: string, reason: string): void {
  const name = flattened(Stack.of(scope).resolve(resource))
  Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[Resource::${name}]`, reason })
}
