import { Template } from 'aws-cdk-lib/assertions'
import { beforeAll, describe, expect, test } from 'vitest'
import { routeList, servedRoutes } from '../../../lib/contract/routes.ts'
import { treeWith } from '../../support/tree.ts'
import { permissionsOf, variablesOf } from './support/policies.ts'
import { asText, resourcesOf } from './support/stack.ts'

const functionName = 'driveway-test-password-page'
const hasPage = (template: Template): boolean =>
  Object.values(resourcesOf(template, 'AWS::Lambda::Function')).some(
    ({ Properties }) => Properties['FunctionName'] === functionName,
  )

describe('the page that asks for an app password', () => {
  let template: Template
  beforeAll(async () => {
    const tree = await treeWith(new URL('../../support/cloud-box', import.meta.url))
    const printed = await tree.run('test/parts/infra/support/print-template.ts')
    template = Template.fromJSON(JSON.parse(printed) as object)
    await tree.dispose()
  })

  test('is served only where a provider takes app passwords', () => {
    expect(hasPage(template)).toBe(true)
    expect(servedRoutes).toEqual(routeList)
  })

  test('is open to browsers, for looking and for sending', () => {
    const [id] = Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).find(
      ([, { Properties }]) => Properties['FunctionName'] === functionName,
    ) ?? ['']
    const methods = Object.values(resourcesOf(template, 'AWS::ApiGateway::Method')).filter(({ Properties }) =>
      asText((Properties['Integration'] as { Uri?: unknown }).Uri ?? '').includes(`<${id}.Arn>`),
    )
    const told = methods.map(
      ({ Properties }) => `${String(Properties['HttpMethod'])} ${String(Properties['AuthorizationType'])}`,
    )
    expect(told.toSorted()).toEqual(['GET NONE', 'POST NONE'])
    const paths = Object.values(resourcesOf(template, 'AWS::ApiGateway::Resource'))
    expect(paths.filter(({ Properties }) => Properties['PathPart'] === 'password')).toHaveLength(1)
  })

  test('may use its starts, the connection they are of, and the sealing key: no stored secret', () => {
    const permissions = permissionsOf(template).get('password-page') ?? []
    const own = permissions.filter(({ action }) => !/^(logs|xray|kms):/.test(action))
    const secrets = own.filter(({ action }) => action.startsWith('secretsmanager:'))
    expect(secrets.map(({ action }) => action)).toEqual(['secretsmanager:GetSecretValue'])
    expect(secrets[0]?.resource).toMatch(/seal-?key/i)
    const rows = own.filter(({ action }) => action.startsWith('dynamodb:'))
    const on = (table: RegExp) =>
      rows.flatMap(({ action, resource }) => (table.test(resource) ? [action.slice('dynamodb:'.length)] : []))
    expect(on(/authorizations/i).toSorted()).toEqual(['GetItem', 'PutItem', 'UpdateItem'])
    expect(on(/connections/i).toSorted()).toEqual(['DeleteItem', 'GetItem', 'PutItem'])
    expect(rows).toHaveLength(6)
    expect(own).toHaveLength(secrets.length + rows.length)
    expect(Object.keys(variablesOf(template).get('password-page') ?? {})).not.toContain('LOOPBACK_SERVERS')
  })
})
