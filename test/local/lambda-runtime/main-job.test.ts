import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handlerSetting } from '../../../infra/bundling/bundle.ts'
import type { Bundle } from '../../../infra/bundling/bundle.ts'
import { functionPlans } from '../../../infra/functions.ts'
import { functionEnvironment } from '../../../local/environment.ts'
import { gateway } from '../../../local/gateway/gateway.ts'
import type { LambdaHost } from '../../../local/lambda-runtime/host.ts'
import { lambdaHost } from '../../../local/lambda-runtime/host.ts'
import { addresses } from '../../../local/ports.ts'
import type { AwsGate } from '../../infra/support/aws-gate.ts'
import { awsGate } from '../../infra/support/aws-gate.ts'
import { testedBundles } from '../../infra/support/bundles.ts'
import { permissionsOf, variablesOf } from '../../infra/support/policies.ts'
import { asText, synthesize } from '../../infra/support/stack.ts'
import type { Api, DocumentAnswer, Problem, Provider } from '../../support/api.ts'
import { apiOf, callback, consent } from '../../support/api.ts'
import type { ConnectionAnswer } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'

/**
 * The bundles that `cdk deploy` uploads, each in a process that Lambda's runtime API feeds, with the variables that the template
 * gives it and no others, and with every AWS call held against the role that the template gives it.
 */

let stack: LocalStack
let bundles: ReadonlyMap<string, Bundle>
let host: LambdaHost
let gate: AwsGate
let server: Server
let base: string
let api: Api

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

beforeAll(async () => {
  const [started, made] = await Promise.all([startLocalStack(), testedBundles()])
  stack = started
  bundles = made
  const template = synthesize({ stage: 'local' })
  const variables = variablesOf(template)
  const permissions = permissionsOf(template)
  const local = functionEnvironment({
    addresses: addresses(String(stack.port)),
    simulated: { google: true, microsoft: true },
    awsEndpoint: undefined,
  })
  const logicalNames = new Map(
    [...variables.values()].flatMap((given) =>
      Object.entries(given).map(([name, value]): [string, string] => [
        (local[name] ?? '').split('/').at(-1) ?? '',
        asText(value),
      ]),
    ),
  )
  // The local stack stages in its one storage bucket.
  gate = awsGate({
    permissionsOf: (name) => permissions.get(name) ?? [],
    logicalName: (name) => logicalNames.get(name) ?? name,
    emulators: {
      dynamodb: stack.at(4),
      s3: stack.at(3),
      sqs: stack.at(5),
      secretsmanager: stack.at(6),
      events: stack.at(6),
    },
  })
  const endpoints = new Map(
    await Promise.all(
      [...variables.keys()].map(async (name): Promise<[string, string]> => [
        name,
        await gate.endpointOf(name),
      ]),
    ),
  )
  const environmentOf = (name: string): Record<string, string> => {
    const endpoint = endpoints.get(name) ?? ''
    const given = Object.keys(variables.get(name) ?? {}).map((variable): [string, string] => [
      variable,
      local[variable] ?? '',
    ])
    return {
      ...Object.fromEntries(given),
      ...(variables.get(name)?.['INTAKE_QUEUE_URL'] === undefined
        ? {}
        : { INTAKE_QUEUE_URL: (local['INTAKE_QUEUE_URL'] ?? '').replace(stack.at(5), endpoint) }),
      ...(variables.get(name)?.['SECRETS_KEY_ARN'] === undefined
        ? {}
        : { SECRETS_KEY_ARN: 'arn:aws:kms:eu-central-1:000000000000:key/local' }),
      ...(variables.get(name)?.['WRITES_SECRETS'] === undefined ? {} : { WRITES_SECRETS: 'true' }),
      // Where a deployment has the real ones.
      GOOGLE_ENDPOINT: local['GOOGLE_ENDPOINT'] ?? '',
      MICROSOFT_ENDPOINT: local['MICROSOFT_ENDPOINT'] ?? '',
      STORAGE_ENDPOINT: endpoint,
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: local['AWS_REGION'] ?? '',
      AWS_ACCESS_KEY_ID: local['AWS_ACCESS_KEY_ID'] ?? '',
      AWS_SECRET_ACCESS_KEY: local['AWS_SECRET_ACCESS_KEY'] ?? '',
    }
  }
  host = lambdaHost((name) => {
    const plan = functionPlans[name]
    if (plan === undefined) throw new Error(`There is no function ${name}.`)
    return {
      name,
      directory: bundles.get(name)?.directory ?? '',
      handler: handlerSetting,
      timeoutMs: plan.timeoutSeconds * 1000,
      memoryMiB: plan.memoryMiB,
      environment: environmentOf(name),
    }
  })
  const answer = gateway({ invoker: host, corsOrigins: [] })
  server = createServer((req, res) => {
    answer(req, res, new URL(req.url ?? '/', base)).catch(() => res.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { token } = await apiOf(stack.base, 'bundle-user')
  api = await bundleApi(token)
}, 180_000)

afterAll(async () => {
  if (process.env['SHOW_LOGS'] !== undefined) process.stderr.write(host.logs())
  server?.closeAllConnections()
  server?.close()
  await host?.close()
  gate?.close()
  await stack?.dispose()
})

/** As the local stack's API, against the bundles. */
async function bundleApi(token: string): Promise<Api> {
  const { request } = await apiOf(stack.base, 'bundle-user')
  return {
    token,
    request: (method, path, options) =>
      request(method, path.startsWith('http') ? path : `${base}${path}`, options),
  }
}

async function connect(provider: Provider, account: string): Promise<string> {
  const started = await api.request<ConnectionAnswer>('POST', '/v1/connections', { json: { provider } })
  expect([started.status, started.text]).toEqual([201, expect.any(String)])
  const { connection, authorizationUrl } = started.body
  if (authorizationUrl === undefined) return connection.id
  const returned = await consent(authorizationUrl, { decision: 'approve', account })
  const { completionCode } = await callback(returned.replace(stack.base, base))
  const completed = await api.request('POST', `/v1/connections/${connection.id}/complete`, {
    json: { completionCode },
  })
  expect([completed.status, completed.text]).toEqual([200, expect.any(String)])
  return connection.id
}

const accounts: readonly [Provider, string][] = [
  ['google-drive', 'carol@example.com'],
  ['onedrive', 'carol@outlook.com'],
  ['s3', ''],
]

describe.each(accounts)('the bundles on %s', (provider, account) => {
  const content = randomBytes(300_000)
  const id = `bundle-${provider}`
  let connectionId: string

  test('connect', async () => {
    connectionId = await connect(provider, account)
    const shown = await api.request<ConnectionAnswer>('GET', `/v1/connections/${connectionId}`)
    expect(shown.body.connection.status).toBe('active')
    const all = await api.request<{ connections: unknown[] }>('GET', '/v1/connections')
    expect(all.body.connections.length).toBeGreaterThan(0)
    const health = await api.request<{ healthy: boolean }>('GET', `/v1/connections/${connectionId}/health`)
    expect([health.status, health.body.healthy]).toEqual([200, true])
  })

  test('put, stat, stream, range, list', async () => {
    const put = await api.request<DocumentAnswer>(
      'PUT',
      `/v1/documents/${id}?connectionId=${connectionId}&extension=.bin`,
      {
        bytes: content,
      },
    )
    expect([put.status, put.text]).toEqual([201, expect.any(String)])
    const stat = await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)
    expect(stat.body.document).toMatchObject({ status: 'stored', size: content.length })
    const got = await api.request('GET', `/v1/documents/${id}/content`)
    expect([got.status, got.headers.get('transfer-encoding') ?? got.headers.get('content-length')]).toEqual([
      200,
      expect.any(String),
    ])
    expect(sha256(got.bytes)).toBe(sha256(content))
    const range = await api.request('GET', `/v1/documents/${id}/content`, {
      headers: { range: 'bytes=10-19' },
    })
    expect([range.status, range.bytes.equals(content.subarray(10, 20))]).toEqual([206, true])
    const list = await api.request<{ documents: { id: string }[] }>('GET', '/v1/documents')
    expect(list.body.documents.map((document) => document.id)).toContain(id)
  })

  test('presigned URLs on s3, 501 on a drive', async () => {
    const got = await api.request<{ url: string } & Problem>('POST', `/v1/documents/${id}/download-url`, {
      json: {},
    })
    const put = await api.request<{ url: string } & Problem>(
      'POST',
      `/v1/documents/${id}-presigned/upload-url`,
      {
        json: { connectionId, contentType: 'application/octet-stream' },
      },
    )
    if (provider !== 's3') {
      expect([got.status, got.body.code, put.status, put.body.code]).toEqual([
        501,
        'presigned_url_not_supported',
        501,
        'presigned_url_not_supported',
      ])
      return
    }
    const downloaded = await fetch(got.body.url)
    expect(sha256(Buffer.from(await downloaded.arrayBuffer()))).toBe(sha256(content))
    const uploaded = await fetch(put.body.url, {
      method: 'PUT',
      body: content,
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect(uploaded.status).toBe(200)
  })

  test('intake: the object, its event, the drive', async () => {
    const begun = await api.request<
      DocumentAnswer & { upload: { url: string; headers: Record<string, string> } }
    >('POST', `/v1/documents/${id}-intake/intake`, {
      json: { connectionId, contentType: 'application/pdf', extension: '.pdf', size: content.length },
    })
    expect([begun.status, begun.text]).toEqual([201, expect.any(String)])
    const { url, headers } = begun.body.upload
    expect((await fetch(url, { method: 'PUT', body: content, headers })).status).toBe(200)
    // The local stack's own worker takes the real message; the bundle gets one like it, and whoever comes second finds it done.
    const key = decodeURIComponent(new URL(url).pathname.split('/').slice(2).join('/'))
    const result = await host.invoke('ingest-object', intakeEvent(key))
    expect(result).toEqual({ batchItemFailures: expect.any(Array) })
    await expect
      .poll(
        async () =>
          (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}-intake`)).body.document.status,
        { timeout: 20_000 },
      )
      .toBe('stored')
  })

  test('delete, disconnect', async () => {
    for (const name of [id, id, `${id}-intake`]) {
      expect((await api.request('DELETE', `/v1/documents/${name}`)).status).toBe(204)
    }
    if (provider !== 's3') {
      const again = await api.request<ConnectionAnswer>(
        'POST',
        `/v1/connections/${connectionId}/reauthorize`,
        { json: {} },
      )
      expect([again.status, again.body.authorizationUrl]).toEqual([200, expect.stringMatching(/^http/)])
    }
    expect((await api.request('DELETE', `/v1/connections/${connectionId}`)).status).toBe(204)
  })
})

function intakeEvent(key: string): unknown {
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    s3: {
      bucket: { name: 'driveway-intake' },
      object: { key: encodeURIComponent(key).replaceAll('%2F', '/') },
    },
  }
  return {
    Records: [
      {
        messageId: 'bundle-message',
        receiptHandle: 'bundle-receipt',
        body: JSON.stringify({ Records: [record] }),
        attributes: { ApproximateReceiveCount: '1' },
        messageAttributes: {},
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:driveway-intake-events',
        awsRegion: 'eu-central-1',
      },
    ],
  }
}

test('the schedules’ functions', async () => {
  await expect(host.invoke('sweep-transfers', {})).resolves.toBeNull()
  await expect(host.invoke('keep-alive', {})).resolves.toBeNull()
})

test('the API describes itself, and refuses strangers', async () => {
  expect((await api.request('GET', '/v1/openapi.json', { token: null })).status).toBe(200)
  expect((await api.request('GET', '/v1/documents', { token: null })).status).toBe(401)
  expect((await api.request('GET', '/v1/documents', { token: 'no.such.token' })).status).toBe(401)
})

test('no function asked AWS for anything that its role does not allow', () => {
  expect(gate.refused).toEqual([])
  expect([...gate.allowed].length).toBeGreaterThan(50)
})
