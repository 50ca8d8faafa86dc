import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { problemTypes } from '../../../lib/contract/problems.ts'
import { routeList } from '../../../lib/contract/routes.ts'
import { environment } from '../../../lib/contract/env.ts'
import { providers } from '../../../lib/providers/registry.ts'
import { scheduled } from '../../../local/scheduled.ts'
import { errorCodes } from '../../../lib/errors.ts'
import { asText, resourcesOf, synthesize } from './support/stack.ts'
import type { TemplateResource } from './support/stack.ts'
import { variablesOf } from './support/policies.ts'

const template = synthesize({ corsOrigins: 'https://app.example.com,https://admin.example.com' })
const all = (type: string): [string, TemplateResource][] => Object.entries(resourcesOf(template, type))
const only = (type: string): TemplateResource => {
  const [found, ...others] = Object.values(resourcesOf(template, type))
  if (found === undefined || others.length > 0) throw new Error(`${others.length + 1} resources of ${type}`)
  return found
}
const property = (resource: TemplateResource, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (value, name) => (value as Record<string, unknown> | undefined)?.[name],
      resource.Properties,
    )

/** `GET /v1/documents` and its method, for every method of the API. */
function methods(): Map<string, TemplateResource> {
  const resources = resourcesOf(template, 'AWS::ApiGateway::Resource')
  const pathOf = (id: string): string => {
    const resource = resources[id]
    if (resource === undefined) return ''
    return `${pathOf(/^<(.+)>$/.exec(asText(resource.Properties['ParentId']))?.[1] ?? '')}/${String(resource.Properties['PathPart'])}`
  }
  return new Map(
    all('AWS::ApiGateway::Method').map(([, method]) => {
      const id = /^<(.+)>$/.exec(asText(method.Properties['ResourceId']))?.[1] ?? ''
      return [`${String(method.Properties['HttpMethod'])} ${pathOf(id)}`, method]
    }),
  )
}

describe('the API', () => {
  const served = methods()

  test('has every route of the contract, each with its own function, authorizer and streaming mode', () => {
    const functions = resourcesOf(template, 'AWS::Lambda::Function')
    const told = [...served].flatMap(([route, method]) => {
      const uri = asText(property(method, 'Integration.Uri'))
      const id = /<(\w+)\.Arn>/.exec(uri)?.[1]
      if (id === undefined) return []
      return [
        {
          route,
          function: String(functions[id]?.Properties['FunctionName']).replace('driveway-test-', ''),
          authorized:
            property(method, 'AuthorizationType') === 'CUSTOM' &&
            property(method, 'AuthorizerId') !== undefined,
          streamed: property(method, 'Integration.ResponseTransferMode') === 'STREAM',
          streamUri: uri.endsWith('/response-streaming-invocations'),
        },
      ]
    })
    const expected = routeList.flatMap((route) =>
      route.methods.map((method) => ({
        route: `${method} ${route.path}`,
        function: route.functionName,
        authorized: route.access !== 'public',
        streamed: route.streaming === true,
        streamUri: route.streaming === true,
      })),
    )
    expect(told.sort((a, b) => a.route.localeCompare(b.route))).toEqual(
      expected.sort((a, b) => a.route.localeCompare(b.route)),
    )
  })

  test('lets nobody in without a token but the provider’s redirect, the description and preflights', () => {
    const open = [...served]
      .filter(([, method]) => property(method, 'AuthorizationType') === 'NONE')
      .map(([route]) => route)
    const calling = [...served]
      .filter(([route, method]) => open.includes(route) && property(method, 'Integration.Type') !== 'MOCK')
      .map(([route]) => route)
    expect(calling.sort()).toEqual([
      'GET /v1/content',
      'GET /v1/oauth/callback',
      'GET /v1/openapi.json',
      'HEAD /v1/content',
    ])
  })

  test('answers preflights by itself, for the allowed origins only', () => {
    const preflights = [...served].filter(([route]) => route.startsWith('OPTIONS'))
    expect(preflights).toHaveLength(new Set(routeList.map((route) => route.path)).size)
    for (const [, method] of preflights) {
      expect(property(method, 'Integration.Type')).toBe('MOCK')
      expect(property(method, 'Integration.ContentHandling')).toBe('CONVERT_TO_TEXT')
      const [response] = property(method, 'Integration.IntegrationResponses') as [
        { ResponseTemplates: Record<string, string>; ResponseParameters: object },
      ]
      expect(response.ResponseTemplates['application/json']).toContain(
        '$origin == "https://app.example.com" || $origin == "https://admin.example.com"',
      )
      expect(Object.keys(response.ResponseParameters)).not.toContain(
        'method.response.header.Access-Control-Allow-Origin',
      )
    }
  })

  test('refuses the methods that a path does not have, and names those that it has', () => {
    const others = [...served].filter(([route]) => route.startsWith('ANY'))
    expect(others).toHaveLength(new Set(routeList.map((route) => route.path)).size)
    for (const [route, method] of others) {
      const path = route.slice('ANY '.length)
      const methods = routeList.filter((other) => other.path === path).flatMap((other) => other.methods)
      expect(property(method, 'Integration.Type')).toBe('MOCK')
      expect(property(method, 'AuthorizationType')).toBe('NONE')
      const [response] = property(method, 'Integration.IntegrationResponses') as [
        { StatusCode: string; ResponseTemplates: Record<string, string>; ResponseParameters: object },
      ]
      expect(response.StatusCode).toBe('405')
      expect(response.ResponseParameters).toMatchObject({
        'method.response.header.Allow': `'${[...methods, 'OPTIONS'].join(', ')}'`,
      })
      expect(JSON.parse(response.ResponseTemplates['application/json'] ?? '')).toMatchObject({
        code: 'method_not_allowed',
        status: 405,
      })
    }
  })

  test('takes binary bodies and throttles', () => {
    expect(only('AWS::ApiGateway::RestApi').Properties['BinaryMediaTypes']).toEqual(['*/*'])
    expect(property(only('AWS::ApiGateway::Stage'), 'MethodSettings')).toEqual([
      expect.objectContaining({
        ThrottlingRateLimit: 200,
        ThrottlingBurstLimit: 400,
        LoggingLevel: 'OFF',
        DataTraceEnabled: false,
      }),
    ])
  })

  test('logs no header, query string or document id', () => {
    const format = String(property(only('AWS::ApiGateway::Stage'), 'AccessLogSetting.Format'))
    expect(Object.keys(JSON.parse(format.replaceAll(/:(\$[\w.]+)/g, ':"$1"')))).toContain('requestId')
    expect(format).not.toMatch(
      /\$context\.(?:path\b|authorizer\.principalId|customDomain)|querystring|\$input|header/i,
    )
  })

  test('tells its own errors as problems of the contract', () => {
    const responses = all('AWS::ApiGateway::GatewayResponse').map(([, response]) => response)
    const types = responses.map((response) => String(response.Properties['ResponseType']))
    expect(types).toEqual(
      expect.arrayContaining([
        'UNAUTHORIZED',
        'ACCESS_DENIED',
        'REQUEST_TOO_LARGE',
        'THROTTLED',
        'DEFAULT_4XX',
        'DEFAULT_5XX',
      ]),
    )
    for (const { Properties } of responses) {
      const [text] = Object.values(Properties['ResponseTemplates'] as Record<string, string>)
      const problem = JSON.parse(text ?? '') as { code: (typeof errorCodes)[number]; status: number }
      expect(errorCodes).toContain(problem.code)
      expect(problem).toMatchObject({
        type: `urn:driveway:problem:${problem.code}`,
        title: problemTypes[problem.code].title,
        requestId: '$context.requestId',
      })
      expect([String(problem.status), problem.status]).toEqual([Properties['StatusCode'], problem.status])
      expect(Properties['ResponseParameters']).toMatchObject({
        'gatewayresponse.header.Content-Type': "'application/problem+json'",
        'gatewayresponse.header.x-request-id': 'context.requestId',
      })
    }
  })

  test('tells a token that cannot be checked apart from one that is not valid', () => {
    const answered = (type: string) =>
      all('AWS::ApiGateway::GatewayResponse').find(
        ([, { Properties }]) => Properties['ResponseType'] === type,
      )?.[1].Properties
    expect(answered('UNAUTHORIZED')).toMatchObject({ StatusCode: '401' })
    expect(answered('AUTHORIZER_FAILURE')).toMatchObject({
      StatusCode: '503',
      ResponseParameters: { 'gatewayresponse.header.Retry-After': "'5'" },
    })
  })

  test('caches verified tokens for a minute, and asks about nothing that is no JWT', () => {
    expect(only('AWS::ApiGateway::Authorizer').Properties).toMatchObject({
      Type: 'TOKEN',
      AuthorizerResultTtlInSeconds: 60,
      IdentitySource: 'method.request.header.Authorization',
    })
    const pattern = new RegExp(
      String(only('AWS::ApiGateway::Authorizer').Properties['IdentityValidationExpression']),
    )
    expect(
      ['Bearer a.b.c', 'bearer a.b.c', 'Basic abc', 'Bearer abc', ''].map((header) => pattern.test(header)),
    ).toEqual([true, true, false, false, false])
  })
})

describe('functions', () => {
  test('that run at a reader’s pace have a ceiling, the authorizer a share of its own, the others neither', () => {
    const reserved = (chosen: Record<string, unknown>) =>
      Object.values(resourcesOf(synthesize(chosen), 'AWS::Lambda::Function')).flatMap(({ Properties }) => {
        const own = Properties['ReservedConcurrentExecutions']
        const name = String(Properties['FunctionName']).split('-').slice(2).join('-')
        return own === undefined ? [] : [[name, own]]
      })
    expect(Object.fromEntries(reserved({}))).toEqual({
      'authorize-request': 50,
      'get-document': 100,
      'open-content-link': 100,
    })
    expect(reserved({ downloadConcurrency: 7, authorizerConcurrency: 0 })).toEqual([
      ['get-document', 7],
      ['open-content-link', 7],
    ])
  })

  test('run Node 24 on arm64, traced, with a role and a log of their own', () => {
    const functions = all('AWS::Lambda::Function').map(([, resource]) => resource.Properties)
    for (const properties of functions) {
      expect(properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
      })
    }
    for (const own of ['Role', 'LoggingConfig']) {
      expect(new Set(functions.map((properties) => asText(properties[own]))).size).toBe(functions.length)
    }
  })

  test('are given only variables that the contract or a provider’s facts name', () => {
    const known = new Set(Object.keys(environment))
    for (const { settings: own } of Object.values(providers))
      for (const name of Object.keys(own)) known.add(name)
    const names = new Set([...variablesOf(template).values()].flatMap((variables) => Object.keys(variables)))
    expect([...names].filter((name) => !known.has(name))).toEqual([])
  })
})

test.each([
  ['where there is an address to return to', { allowedReturnUrls: 'https://app.example.com/' }, 'true'],
  [
    'unless the operator says otherwise',
    { allowedReturnUrls: 'https://app.example.com/', requireReturnUrl: 'false' },
    'false',
  ],
])('a connect has to name its returnUrl %s', (_when, settings, required) => {
  const variables = variablesOf(synthesize(settings))
  const starts = [...variables.values()].filter((own) => 'ALLOWED_RETURN_URLS' in own)
  expect(starts.length).toBeGreaterThan(1)
  for (const own of starts) expect(own['REQUIRE_RETURN_URL']).toBe(required)
})

test('what is offered is told to whatever starts a connection, and to nobody else', () => {
  const variables = variablesOf(synthesize({ offeredProviders: 'onedrive,s3' }))
  const told = [...variables].filter(([, own]) => 'OFFERED_PROVIDERS' in own)
  expect(told.length).toBeGreaterThan(0)
  for (const [, own] of told) expect(own['OFFERED_PROVIDERS']).toBe('onedrive,s3')
  expect(told.length).toBeLessThan(4)
})

test('what the bus was told can be told again, as long as the operator says', () => {
  const archive = only('AWS::Events::Archive')
  expect(archive.Properties).toMatchObject({ RetentionDays: 30, EventPattern: { source: ['driveway'] } })
  expect(asText(archive.Properties['SourceArn'])).toMatch(/^<\w*Events\w+\.Arn>$/)
  expect(asText(archive.Properties['KmsKeyIdentifier'])).toMatch(/^<DataKey\w+\.Arn>$/)
  // What an erasure leaves there is named in its receipt.
  const receipts = (of: ReturnType<typeof synthesize>) =>
    [...variablesOf(of).values()].flatMap((own) => own['KEPT_DAYS'] ?? [])
  for (const kept of receipts(template)) expect(kept).toContain('event archive=30')
  const without = synthesize({ eventArchiveDays: '0' })
  expect(resourcesOf(without, 'AWS::Events::Archive')).toEqual({})
  expect(receipts(without).length).toBeGreaterThan(0)
  for (const kept of receipts(without)) expect(kept).not.toContain('event archive')
})

describe('what is kept', () => {
  const keyArn = expect.stringMatching(/^<DataKey\w+\.Arn>$/)

  test('is encrypted with the deployment’s key', () => {
    for (const [, table] of all('AWS::DynamoDB::Table')) {
      expect(property(table, 'SSESpecification.SSEType')).toBe('KMS')
      expect(asText(property(table, 'SSESpecification.KMSMasterKeyId'))).toEqual(keyArn)
    }
    for (const [, bucket] of all('AWS::S3::Bucket')) {
      const [rule] = property(bucket, 'BucketEncryption.ServerSideEncryptionConfiguration') as [
        { ServerSideEncryptionByDefault: Record<string, unknown>; BucketKeyEnabled: boolean },
      ]
      expect([rule.ServerSideEncryptionByDefault['SSEAlgorithm'], rule.BucketKeyEnabled]).toEqual([
        'aws:kms',
        true,
      ])
      expect(asText(rule.ServerSideEncryptionByDefault['KMSMasterKeyID'])).toEqual(keyArn)
    }
    for (const type of ['AWS::SQS::Queue', 'AWS::SNS::Topic']) {
      for (const [, resource] of all(type))
        expect(asText(resource.Properties['KmsMasterKeyId'])).toEqual(keyArn)
    }
    for (const type of ['AWS::SecretsManager::Secret', 'AWS::Logs::LogGroup']) {
      for (const [, resource] of all(type)) expect(asText(resource.Properties['KmsKeyId'])).toEqual(keyArn)
    }
    expect(only('AWS::KMS::Key').Properties['EnableKeyRotation']).toBe(true)
  })

  test('is on demand, restorable to any second, protected from deletion', () => {
    for (const [, table] of all('AWS::DynamoDB::Table')) {
      expect(table.Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
      })
    }
    const ends = all('AWS::DynamoDB::Table').map(([, table]) => [
      table.Properties['TableName'],
      property(table, 'TimeToLiveSpecification.AttributeName'),
    ])
    expect(Object.fromEntries(ends)).toMatchObject({
      'driveway-test-tokens': 'expiresAt',
      'driveway-test-authorizations': 'expiresAt',
    })
  })

  test('is public nowhere and reached over TLS only', () => {
    for (const [, bucket] of all('AWS::S3::Bucket')) {
      expect(bucket.Properties['PublicAccessBlockConfiguration']).toEqual({
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      })
    }
    const insecure = (statements: unknown): boolean =>
      (statements as { Effect: string; Condition?: { Bool?: Record<string, string> } }[]).some(
        (statement) =>
          statement.Effect === 'Deny' && statement.Condition?.Bool?.['aws:SecureTransport'] === 'false',
      )
    for (const type of ['AWS::S3::BucketPolicy', 'AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy']) {
      for (const [, policy] of all(type))
        expect(insecure(property(policy, 'PolicyDocument.Statement'))).toBe(true)
    }
  })

  test('brings documents back with the tables, and keeps for ever nothing that failed', () => {
    const rules = (name: string) => {
      const found = all('AWS::S3::Bucket').find(([id]) => id.startsWith(`Data${name}Bucket`))?.[1]
      if (found === undefined) throw new Error(`no bucket ${name}`)
      return {
        versioned: property(found, 'VersioningConfiguration.Status'),
        all: property(found, 'LifecycleConfiguration.Rules') as readonly Record<string, unknown>[],
      }
    }
    const storage = rules('Storage')
    expect(storage.versioned).toBe('Enabled')
    expect(storage.all).toContainEqual(
      expect.objectContaining({
        NoncurrentVersionExpiration: { NoncurrentDays: 35 },
        ExpiredObjectDeleteMarker: true,
      }),
    )
    const intake = rules('Intake')
    expect(intake.versioned).toBeUndefined()
    for (const value of ['failed', 'rejected']) {
      expect(intake.all).toContainEqual(
        expect.objectContaining({ ExpirationInDays: 30, TagFilters: [{ Key: 'driveway', Value: value }] }),
      )
    }
    // What waits, for its bytes or for its user, carries no tag and has no end here.
    const untagged = intake.all.filter((rule) => rule['TagFilters'] === undefined)
    expect(untagged.map((rule) => rule['ExpirationInDays'])).toEqual(untagged.map(() => undefined))
  })

  test('lets pages of the allowed origins upload, and whoever has a URL read', () => {
    for (const [, bucket] of all('AWS::S3::Bucket')) {
      expect(property(bucket, 'CorsConfiguration.CorsRules')).toEqual([
        expect.objectContaining({
          AllowedOrigins: ['https://app.example.com', 'https://admin.example.com'],
          AllowedMethods: ['PUT'],
        }),
        // Behind a redirect to another origin a page's own origin is null.
        expect.objectContaining({ AllowedOrigins: ['*'], AllowedMethods: ['GET', 'HEAD'] }),
      ])
    }
  })
})

describe('the intake', () => {
  const queues = () => {
    const found = all('AWS::SQS::Queue').map(([id, queue]) => ({ id, ...queue }))
    const named = (name: string) => {
      const queue = found.find((one) => one.Properties['QueueName'] === `driveway-test-${name}`)
      if (queue === undefined) throw new Error(`there is no queue ${name}`)
      return queue
    }
    return {
      arrivals: named('intake'),
      lanes: [named('intake-short'), named('intake-long')],
      deadLetters: named('intake-dead-letters'),
    }
  }

  test('hides a message for six times the time of the function that takes it', () => {
    const functions = all('AWS::Lambda::Function').map(([, fn]) => fn.Properties)
    const sixTimes = (name: string) =>
      6 * Number(functions.find((fn) => fn['FunctionName'] === `driveway-test-${name}`)?.['Timeout'])
    const { arrivals, lanes } = queues()
    expect(arrivals.Properties['VisibilityTimeout']).toBe(sixTimes('sort-intake'))
    for (const lane of lanes) expect(lane.Properties['VisibilityTimeout']).toBe(sixTimes('ingest-object'))
  })

  test('keeps what failed, longer than the queues, and lets it be sent back there only', () => {
    const { arrivals, lanes, deadLetters } = queues()
    for (const queue of [arrivals, ...lanes]) {
      expect(property(queue, 'RedrivePolicy.maxReceiveCount')).toBeGreaterThanOrEqual(5)
      expect(asText(property(queue, 'RedrivePolicy.deadLetterTargetArn'))).toBe(`<${deadLetters.id}.Arn>`)
      expect(Number(deadLetters.Properties['MessageRetentionPeriod'])).toBeGreaterThan(
        Number(queue.Properties['MessageRetentionPeriod']),
      )
      expect(asText(property(deadLetters, 'RedriveAllowPolicy.sourceQueueArns'))).toContain(
        String(queue.Properties['QueueName']),
      )
    }
    expect(property(deadLetters, 'RedriveAllowPolicy.redrivePermission')).toBe('byQueue')
  })

  test('gets every new object of the bucket, whose notification waits for the permission to send', () => {
    const [, bucket] = all('AWS::S3::Bucket').find(([id]) => id.startsWith('DataIntake')) ?? []
    expect(bucket?.Properties['NotificationConfiguration']).toMatchObject({
      QueueConfigurations: [{ Event: 's3:ObjectCreated:*' }],
    })
    expect(bucket?.DependsOn).toEqual([expect.stringMatching(/^IntakeQueuePolicy/)])
  })

  test('sorts ten at a time, works on each of a lane alone, and reports each record by itself', () => {
    const mapping = (start: string) =>
      all('AWS::Lambda::EventSourceMapping').find(([id]) => id.startsWith(start))?.[1].Properties
    const FunctionResponseTypes = ['ReportBatchItemFailures']
    const lane = { FunctionResponseTypes, BatchSize: 1, ScalingConfig: { MaximumConcurrency: 20 } }
    expect(mapping('IntakeDelivery')).toMatchObject(lane)
    expect(mapping('IntakeLongDelivery')).toMatchObject(lane)
    expect(mapping('IntakeArrival')).toMatchObject({
      FunctionResponseTypes,
      BatchSize: 10,
      ScalingConfig: { MaximumConcurrency: 2 },
    })
  })
})

describe('the outbox', () => {
  test('sees both images of every write of the rows that carry events', () => {
    const streams = all('AWS::DynamoDB::Table').flatMap(([, table]) =>
      table.Properties['StreamSpecification'] === undefined
        ? []
        : [[table.Properties['TableName'], property(table, 'StreamSpecification.StreamViewType')]],
    )
    expect(Object.fromEntries(streams)).toEqual({
      'driveway-test-connections': 'NEW_AND_OLD_IMAGES',
      'driveway-test-documents': 'NEW_AND_OLD_IMAGES',
    })
  })

  test('hands over only writes that carry an event, in order, until they are told or almost a day old', () => {
    const mappings = all('AWS::Lambda::EventSourceMapping').filter(([id]) => id.startsWith('OutboxFrom'))
    const sources = mappings.map(([, mapping]) => asText(mapping.Properties['EventSourceArn'])).sort()
    expect(sources).toEqual([
      expect.stringMatching(/^<DataConnectionsTable\w+\.StreamArn>$/),
      expect.stringMatching(/^<DataDocumentsTable\w+\.StreamArn>$/),
    ])
    for (const [, mapping] of mappings) {
      expect(mapping.Properties).toMatchObject({
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 100,
        MaximumBatchingWindowInSeconds: 1,
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        MaximumRecordAgeInSeconds: 23 * 3600,
      })
      // So often as needed: no number of failures gives an event up.
      expect(mapping.Properties).not.toHaveProperty('MaximumRetryAttempts')
      expect(asText(mapping.Properties['FunctionName'])).toMatch(/^<Tell/)
      const filters = property(mapping, 'FilterCriteria.Filters') as { Pattern: string }[]
      expect(filters.map(({ Pattern: pattern }) => JSON.parse(pattern) as unknown)).toEqual([
        { dynamodb: { NewImage: { event: { M: { id: { S: [{ exists: true }] } } } } } },
        { eventName: ['REMOVE'], dynamodb: { OldImage: { change: { M: { door: { S: ['delete'] } } } } } },
      ])
    }
  })

  test('puts aside what could not be told, for two weeks', () => {
    const [[, mapping] = []] = all('AWS::Lambda::EventSourceMapping').filter(([id]) =>
      id.startsWith('OutboxFrom'),
    )
    const [[id, queue] = []] = all('AWS::SQS::Queue').filter(([id]) => id.startsWith('OutboxDeadLetters'))
    expect(
      asText(property(mapping ?? { Type: '', Properties: {} }, 'DestinationConfig.OnFailure.Destination')),
    ).toBe(`<${id ?? ''}.Arn>`)
    expect(queue?.Properties['MessageRetentionPeriod']).toBe(14 * 24 * 3600)
  })

  test('keeps a delivery to a webhook longer than the day that it is tried, and puts it aside there too', () => {
    const [[id, queue] = []] = all('AWS::SQS::Queue').filter(([each]) => each.startsWith('OutboxWebhooks'))
    expect(queue?.Properties['MessageRetentionPeriod']).toBeGreaterThan(2 * 24 * 3600)
    expect(asText(queue?.Properties['RedrivePolicy'])).toContain('OutboxDeadLetters')
    const [[, mapping] = []] = all('AWS::Lambda::EventSourceMapping').filter(
      ([, each]) => asText(each.Properties['EventSourceArn']) === `<${id ?? ''}.Arn>`,
    )
    expect(asText(mapping?.Properties['FunctionName'])).toMatch(/^<DeliverWebhook/)
    expect(mapping?.Properties['FunctionResponseTypes']).toEqual(['ReportBatchItemFailures'])
  })
})

test('what schedules start can be started by hand on the local stack', () => {
  const functions = resourcesOf(template, 'AWS::Lambda::Function')
  const started = all('AWS::Events::Rule').map(([, rule]) => {
    const [{ Arn: arn } = { Arn: '' }] = rule.Properties['Targets'] as { Arn: unknown }[]
    const id = /^<(\w+)\.Arn>$/.exec(asText(arn))?.[1] ?? ''
    return String(functions[id]?.Properties['FunctionName']).replace('driveway-test-', '')
  })
  expect(started.sort()).toEqual(Object.keys(scheduled).sort())
})

test('what holds data keeps its logical id, and stays when the stack goes', () => {
  const stateful = [
    'AWS::KMS::Key',
    'AWS::DynamoDB::Table',
    'AWS::S3::Bucket',
    'AWS::SecretsManager::Secret',
    'AWS::Cognito::UserPool',
  ]
  const found = stateful.flatMap((type) => all(type))
  // A new id here is a new, empty resource: CloudFormation would leave the old one and all its data behind.
  expect(found.map(([id, resource]) => `${resource.Type} ${id}`).sort()).toMatchInlineSnapshot(`
    [
      "AWS::Cognito::UserPool IdentityUserPool96FE3B9B",
      "AWS::DynamoDB::Table DataAuthorizationsTable6934D226",
      "AWS::DynamoDB::Table DataCellsTable20236F71",
      "AWS::DynamoDB::Table DataConnectionsTableFA7EC04B",
      "AWS::DynamoDB::Table DataDeliveriesTableAA186349",
      "AWS::DynamoDB::Table DataDocumentsTable0C9671B7",
      "AWS::DynamoDB::Table DataGrantsTable30B69F89",
      "AWS::DynamoDB::Table DataTokensTable2A0C53A3",
      "AWS::DynamoDB::Table DataTransfersTable958EA8DA",
      "AWS::DynamoDB::Table DataUsersTableA308CF66",
      "AWS::DynamoDB::Table DataWebhooksTable36A0EB2A",
      "AWS::KMS::Key DataKey5F086070",
      "AWS::S3::Bucket DataIntakeBucketD8344B96",
      "AWS::S3::Bucket DataStorageBucketF2AB3AF2",
      "AWS::SecretsManager::Secret SecretsSealKeyA67B6178",
    ]
  `)
  for (const [, resource] of found) {
    expect([resource.DeletionPolicy, resource.UpdateReplacePolicy]).toEqual(['Retain', 'Retain'])
  }
})

test('two stages share no name', () => {
  const names = (stage: string): string[] =>
    Object.values(
      JSON.parse(JSON.stringify(synthesize({ stage }).toJSON())).Resources as Record<
        string,
        TemplateResource
      >,
    ).flatMap((resource) =>
      Object.entries(resource.Properties ?? {})
        .filter(
          ([name, value]) =>
            /^(?:\w*Name|Name)$/.test(name) && typeof value === 'string' && /driveway/.test(value),
        )
        .map(([, value]) => String(value)),
    )
  const one = new Set(names('one'))
  expect(one.size).toBeGreaterThan(40)
  expect(names('two').filter((name) => one.has(name))).toEqual([])
})

test('an own issuer takes the place of the user pool', () => {
  const own = synthesize({
    issuer: 'https://login.example.com',
    audience: 'driveway,driveway-mobile',
    machineClients: 'backend@clients',
  })
  expect(Object.keys(resourcesOf(own, 'AWS::Cognito::UserPool'))).toEqual([])
  expect(variablesOf(own).get('authorize-request')).toMatchObject({
    OIDC_ISSUER: 'https://login.example.com',
    OIDC_AUDIENCE: 'driveway,driveway-mobile',
    OIDC_MACHINES: 'backend@clients',
  })
})

test('a machine is an app client of the pool that gets its own scopes and signs nobody in', () => {
  const none = resourcesOf(template, 'AWS::Cognito::UserPoolResourceServer')
  expect(none).toEqual({})
  expect(variablesOf(template).get('authorize-request')).not.toHaveProperty('OIDC_MACHINES')
  const machines = { backend: ['documents.read', 'connections.read'], mailer: ['documents.read'] }
  const own = synthesize({ machines })
  const [server] = Object.entries(resourcesOf(own, 'AWS::Cognito::UserPoolResourceServer'))
  expect(server?.[1].Properties).toMatchObject({ Identifier: 'driveway' })
  const clients = Object.entries(resourcesOf(own, 'AWS::Cognito::UserPoolClient'))
  const found = clients.filter(([, client]) => client.Properties['GenerateSecret'] === true)
  expect(
    found.map(([, { Properties: client }]) => ({
      name: client['ClientName'],
      flows: [client['AllowedOAuthFlows'], client['ExplicitAuthFlows']],
      scopes: asText(client['AllowedOAuthScopes']),
    })),
  ).toEqual([
    {
      name: 'driveway-test-backend',
      flows: [['client_credentials'], undefined],
      scopes: `<${server?.[0]}>/documents.read,<${server?.[0]}>/connections.read`,
    },
    {
      name: 'driveway-test-mailer',
      flows: [['client_credentials'], undefined],
      scopes: `<${server?.[0]}>/documents.read`,
    },
  ])
  const { OIDC_AUDIENCE: audience, OIDC_MACHINES: named } = variablesOf(own).get('authorize-request') ?? {}
  expect(asText(named)).toBe(found.map(([id]) => `<${id}>`).join(','))
  // Who signs in with the console's client is a user, and no machine is one.
  expect(asText(named)).not.toContain(asText(audience))
})

test('a domain of its own switches the gateway’s address off', () => {
  const certificateArn =
    'arn:aws:acm:eu-central-1:111122223333:certificate/11111111-2222-3333-4444-555555555555'
  const own = synthesize({ domainName: 'api.example.com', certificateArn })
  const [api] = Object.values(resourcesOf(own, 'AWS::ApiGateway::RestApi'))
  expect(api?.Properties['DisableExecuteApiEndpoint']).toBe(true)
  const [domain] = Object.values(resourcesOf(own, 'AWS::ApiGateway::DomainName'))
  expect(domain?.Properties).toMatchObject({ DomainName: 'api.example.com', SecurityPolicy: 'TLS_1_2' })
  expect(variablesOf(own).get('start-connection')?.['PUBLIC_URL']).toBe('https://api.example.com')
})

test('the firewall reads no documents and keeps no samples', () => {
  const [acl] = Object.values(resourcesOf(synthesize({ waf: true }), 'AWS::WAFv2::WebACL'))
  const rules = acl?.Properties['Rules'] as readonly Record<string, { SampledRequestsEnabled?: boolean }>[]
  expect(rules.map((rule) => rule['VisibilityConfig']?.SampledRequestsEnabled)).toEqual([false, false, false])
  expect(JSON.stringify(rules)).toContain('{"ActionToUse":{"Count":{}},"Name":"SizeRestrictions_BODY"}')
})

test('cdk.json runs the app with Node’s own types stripping, and says nothing to anybody', () => {
  expect(JSON.parse(readFileSync('cdk.json', 'utf8'))).toMatchObject({
    app: 'node infra/app.ts',
    versionReporting: false,
  })
})
