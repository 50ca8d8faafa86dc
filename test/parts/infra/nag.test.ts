import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import type { IConstruct } from 'constructs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeStack, resourcesOf, synthesize } from './support/stack.ts'

let consoleFolder: string
beforeAll(() => {
  consoleFolder = mkdtempSync(join(tmpdir(), 'driveway-console-'))
  writeFileSync(join(consoleFolder, 'index.html'), '<!doctype html><title>console</title>')
})
afterAll(() => rmSync(consoleFolder, { recursive: true, force: true }))

/** Findings of cdk-nag's AwsSolutions pack that nobody has explained, as `rule at construct`. */
function findings(chosen: Record<string, unknown>, folder?: string): string[] {
  const { app, stack } = makeStack(chosen, folder)
  const checks = new AwsSolutionsChecks(app)
  Validations.of(app).addPlugins(checks)
  const { violations } = checks.validateScope(stack)
  rmSync(app.outdir, { recursive: true, force: true })
  return violations.flatMap((violation) =>
    violation.violatingResources.map(
      (resource) => `${violation.ruleName} at ${resource.constructPath ?? ''}`,
    ),
  )
}

const everything = {
  consoleClientId: 'console',
  waf: 'true',
  issuer: 'https://login.example.com',
  audience: 'driveway',
  domainName: 'api.example.com',
  certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/11111111-2222-3333-4444-555555555555',
  hostedZoneId: 'Z0123456789',
  hostedZoneName: 'example.com',
  corsOrigins: 'https://app.example.com',
  alarmEmail: 'ops@example.com',
}

test('cdk-nag finds nothing that is not explained beside the construct', () => {
  expect(findings({})).toEqual([])
})

test('nor with every setting chosen, and the console', () => {
  expect(findings(everything, consoleFolder)).toEqual([])
})

test('nor do the rules of CloudFormation itself', () => {
  const { app } = makeStack(everything, consoleFolder, {})
  expect(() => app.synth()).not.toThrow()
  rmSync(app.outdir, { recursive: true, force: true })
})

test('every explanation is a sentence', () => {
  const { app, stack } = makeStack(everything, consoleFolder)
  rmSync(app.outdir, { recursive: true, force: true })
  const key = Validations.ACKNOWLEDGED_RULES_METADATA_KEY
  const reasons = stack.node
    .findAll()
    .flatMap((construct: IConstruct) =>
      construct.node.metadata.filter(({ type }) => type === key).map(({ data }) => JSON.stringify(data)),
    )
  expect(reasons.length).toBeGreaterThan(30)
  for (const reason of reasons) expect(reason.length).toBeGreaterThan(60)
})

test('the console lies in a private bucket behind CloudFront, and the API knows its origin', () => {
  const template = synthesize({}, consoleFolder)
  const [distribution] = Object.values(resourcesOf(template, 'AWS::CloudFront::Distribution'))
  expect(JSON.stringify(distribution?.Properties)).toContain('"ViewerProtocolPolicy":"redirect-to-https"')
  for (const { Properties } of Object.values(resourcesOf(template, 'AWS::S3::Bucket'))) {
    expect(Properties['PublicAccessBlockConfiguration']).toMatchObject({
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    })
  }
  const policy = JSON.stringify(resourcesOf(template, 'AWS::CloudFront::ResponseHeadersPolicy'))
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
  expect(policy).not.toContain('unsafe')
  const functions = JSON.stringify(resourcesOf(template, 'AWS::Lambda::Function'))
  expect(functions).toMatch(
    /"CORS_ORIGINS":\{"Fn::Join":\["",\["https:\/\/",\{"Fn::GetAtt":\["ConsoleDistribution/,
  )
  expect(JSON.stringify(resourcesOf(template, 'AWS::Cognito::UserPoolClient'))).toContain(
    'ConsoleDistribution',
  )
})

test('with an issuer of the operator’s own, the console needs a client to sign in with', () => {
  const own = { issuer: 'https://id.example.com', audience: ['driveway'] }
  const distributions = (settings: Readonly<Record<string, unknown>>): number =>
    Object.keys(resourcesOf(synthesize(settings, consoleFolder), 'AWS::CloudFront::Distribution')).length
  expect(distributions(own)).toBe(0)
  expect(distributions({ ...own, consoleClientId: 'console' })).toBe(1)
})
