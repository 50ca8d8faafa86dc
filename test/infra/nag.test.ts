import { Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { expect, test } from 'vitest'
import { makeStack } from './support/stack.ts'

/** Findings of cdk-nag's AwsSolutions pack that nobody has explained, as `rule at construct`. */
function findings(chosen: Record<string, unknown>): string[] {
  const { app, stack } = makeStack(chosen)
  const checks = new AwsSolutionsChecks(app)
  Validations.of(app).addPlugins(checks)
  const report = checks.validateScope(stack)
  return report.violations.flatMap((violation) =>
    violation.violatingResources.map((resource) => `${violation.ruleName} at ${resource.resourceLogicalId}`),
  )
}

test('cdk-nag finds nothing that is not explained beside the construct', () => {
  expect(findings({})).toEqual([])
})
