import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../lib/errors.ts'
import { openapiPage, openapiPagePolicy } from '../../../local/openapi-page.ts'
import type { JsonSchema } from '../../../lib/contract/openapi/types.ts'
import { eventWords } from '../../../lib/contract/openapi/webhooks.ts'
import { bodyExamples } from '../../../lib/contract/openapi/words.ts'
import { openapiDocument } from '../../../lib/contract/openapi/document.ts'
import { problemTypes } from '../../../lib/contract/problems.ts'
import { routeList } from '../../../lib/contract/routes.ts'
import { allWebhookTypes, testType } from '../../../lib/contract/webhook-types.ts'
import { eventFaults } from '../../support/event-faults.ts'
import { checkExchange } from '../../support/contract-check.ts'

const document = openapiDocument({ serverUrl: 'https://driveway.invalid' })
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
)

describe('the OpenAPI document', () => {
  test('is the same bytes every time', () => {
    expect(JSON.stringify(openapiDocument({ serverUrl: 'https://driveway.invalid' }))).toBe(
      JSON.stringify(document),
    )
  })

  test('has every method of every route, with every status and every error code', () => {
    for (const route of routeList) {
      for (const method of route.methods) {
        const found = operations.find(
          (entry) => entry.path === route.path && entry.method.toUpperCase() === method,
        )
        const statuses = [
          ...route.answers.map((answer) => answer.status),
          ...route.errors.map((code) => problemTypes[code].status),
        ]
        expect(new Set(Object.keys(found?.operation.responses ?? {}).map(Number))).toEqual(new Set(statuses))
        const codes = Object.values(found?.operation.responses ?? {}).flatMap(
          (response) => response['x-error-codes'] ?? [],
        )
        expect(codes.toSorted()).toEqual([...new Set(route.errors)].toSorted())
      }
    }
    expect(operations).toHaveLength(routeList.flatMap((route) => route.methods).length)
  })

  test('asks for a token on everything but what is public', () => {
    const open = operations
      .filter(({ operation }) => operation.security.length === 0)
      .map(({ operation }) => operation.operationId)
    expect(open.toSorted()).toEqual(['getOpenapi', 'oauthCallback', 'openContentLink', 'openContentLinkHead'])
  })

  test('describes every field and every parameter', () => {
    const bare = (schema: JsonSchema, path: string): string[] =>
      Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
        ...(property.description === undefined ? [`${path}.${name}`] : []),
        ...bare(property, `${path}.${name}`),
      ])
    expect(
      Object.entries(document.components.schemas).flatMap(([name, schema]) => bare(schema, name)),
    ).toEqual([])
    const parameters = operations.flatMap(({ operation }) => operation.parameters ?? [])
    expect(parameters.filter((parameter) => parameter.description.trim() === '')).toEqual([])
  })

  test('shows an example of every JSON body, and each is valid', () => {
    for (const { path, method, operation } of operations) {
      const needed = (operation.parameters ?? []).filter((one) => one.in === 'query' && one.required)
      const query = new URLSearchParams(
        needed.map((one): [string, string] => [one.name, String(one.example)]),
      ).toString()
      const filled = path.replace('{documentId}', 'invoice-2026-11').replaceAll(/\{\w+\}/g, 'c3a5f0de')
      const concrete = query === '' ? filled : `${filled}?${query}`
      for (const [status, response] of Object.entries(operation.responses)) {
        const [type, media] = Object.entries(response.content ?? {})[0] ?? []
        if (media?.schema?.$ref === undefined || type === undefined) continue
        const examples = Object.values(media.examples ?? {})
        expect(examples.length, `${operation.operationId} ${status}`).toBeGreaterThan(0)
        for (const example of examples) {
          const value =
            '$ref' in example
              ? document.components.examples[example.$ref.split('/').at(-1) ?? '']?.value
              : example.value
          const text = JSON.stringify(value)
          const requestId = /"requestId":"([^"]+)"/.exec(text)?.[1] ?? 'r'
          const requestBody = requestExample(operation.requestBody?.content['application/json']?.schema)
          const exchange = {
            method: method.toUpperCase(),
            path: concrete,
            requestHeaders: {},
            status: Number(status),
            responseBody: text,
          }
          expect(
            checkExchange(document, {
              ...exchange,
              ...(requestBody !== undefined && { requestBody }),
              responseHeaders: { 'content-type': type, 'x-request-id': requestId },
            }),
          ).toEqual([])
        }
      }
    }
  })

  test('has one problem example for each error code but that of a path without the method', () => {
    const answered = errorCodes.filter((code) => code !== 'method_not_allowed')
    expect(Object.keys(document.components.examples)).toEqual(answered)
  })
})

describe('the webhooks of the OpenAPI document', () => {
  test('are every type there is, each with an example that fits its schema', () => {
    expect(Object.keys(document.webhooks)).toEqual([...allWebhookTypes, testType])
    for (const [event, [, example]] of Object.entries(eventWords))
      expect(eventFaults(event, example)).toEqual([])
  })

  test('are described to the last field, and are named as no operation is', () => {
    const posts = Object.values(document.webhooks).map(({ post }) => post)
    const ids = [...posts, ...operations.map(({ operation }) => operation)].map((one) => one.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { requestBody } of posts) {
      const { schema } = requestBody?.content['application/json'] ?? {}
      const name = schema?.properties?.['data']?.$ref?.split('/').at(-1) ?? ''
      const { properties = {} } = document.components.schemas[name] ?? {}
      expect(Object.values(properties).filter(({ type, enum: words }) => type ?? words)).toHaveLength(
        Object.keys(properties).length,
      )
    }
  })
})

describe('the check of an exchange', () => {
  const health = {
    method: 'GET',
    path: '/v1/connections/c3a5f0de/health',
    requestHeaders: {},
    status: 200,
    responseHeaders: { 'content-type': 'application/json', 'x-request-id': 'r' },
    responseBody: JSON.stringify(bodyExamples['Health']),
  }

  test('agrees with a good one', () => {
    expect(checkExchange(document, health)).toEqual([])
  })

  test.each([
    ['an unknown path', { path: '/v1/nothing' }],
    ['an unknown query parameter', { path: `${health.path}?verbose=1` }],
    ['a path parameter that does not fit', { path: '/v1/connections/no%20id/health' }],
    ['a request body where there is none', { requestBody: '{}' }],
    ['an undocumented status', { status: 418 }],
    ['no request id', { responseHeaders: { 'content-type': 'application/json' } }],
    ['another media type', { responseHeaders: { 'content-type': 'text/html', 'x-request-id': 'r' } }],
    ['a missing field', { responseBody: '{"healthy":true}' }],
    ['an unknown field', { responseBody: JSON.stringify({ ...Object(bodyExamples['Health']), token: 'x' }) }],
    [
      'a time that is none',
      { responseBody: JSON.stringify({ ...Object(bodyExamples['Health']), checkedAt: 'now' }) },
    ],
    [
      'an error code of another route',
      {
        status: 404,
        responseHeaders: { 'content-type': 'application/problem+json', 'x-request-id': 'r' },
        responseBody: JSON.stringify({
          type: 't',
          title: 't',
          status: 404,
          detail: 'd',
          code: 'object_missing',
          requestId: 'r',
        }),
      },
    ],
  ])('names %s', (_what, change) => {
    expect(checkExchange(document, { ...health, ...change })).not.toEqual([])
  })
})

describe('the page', () => {
  const page = openapiPage(document)

  test('has every operation and nothing that its policy would refuse', () => {
    for (const { operation } of operations) expect(page).toContain(`id="${operation.operationId}"`)
    for (const { post } of Object.values(document.webhooks))
      expect(page).toContain(`id="${post.operationId}"`)
    expect(page).not.toMatch(/<script|\son\w+=|style="|src=|url\(/)
    const style = /<style>([^]*?)<\/style>/.exec(page)?.[1] ?? ''
    expect(openapiPagePolicy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`)
  })

  test('escapes what it shows', () => {
    const title = '<img src=x onerror=alert(1)>'
    expect(openapiPage({ ...document, info: { ...document.info, title } })).not.toContain('<img')
  })
})

function requestExample(schema: JsonSchema | undefined): string | undefined {
  const example = bodyExamples[schema?.$ref?.split('/').at(-1) ?? '']
  return example === undefined ? undefined : JSON.stringify(example)
}
