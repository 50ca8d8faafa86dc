import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { handlerSetting } from '../../../../infra/functions.ts'
import { functionPlans } from '../../../../infra/functions.ts'
import { functionEnvironment } from '../../../../local/environment.ts'
import { gateway } from '../../../../local/gateway/gateway.ts'
import { guardPages } from '../../../../local/pages.ts'
import type { LambdaHost } from '../../../../local/lambda-runtime/host.ts'
import { lambdaHost } from '../../../../local/lambda-runtime/host.ts'
import { addresses } from '../../../../local/ports.ts'
import { simulated } from '../../../../local/simulated.ts'
import type { Api, ConnectionAnswer, Provider } from '../../../support/api.ts'
import { apiOf, callback, consent } from '../../../support/api.ts'
import type { LocalStack } from '../../../support/local-stack.ts'
import { startLocalStack } from '../../../support/local-stack.ts'
import type { AwsGate } from './aws-gate.ts'
import { awsGate } from './aws-gate.ts'
import { testedBundles } from './bundles.ts'
import { permissionsOf, variablesOf } from './policies.ts'
import { asText, synthesize } from './stack.ts'

/** The deployed system as far as it can stand on one machine. */
export interface BundleWorld {
  readonly stack: LocalStack
  readonly host: LambdaHost
  readonly gate: AwsGate
  /** The API in front of the bundles, as one user. */
  readonly api: Api
  /** Connects a drive as a person would; answers the connection's id. */
  connect(provider: Provider, account: string): Promise<string>
  close(): Promise<void>
}

/**
 * Starts the local stack's servers, and before them the bundles that `cdk deploy` uploads: each
 * in a process that Lambda's runtime API feeds, with the variables that the template gives it
 * and no others, and with every AWS call held against its role.
 */
export async function startBundleWorld(): Promise<BundleWorld> {
  const [stack, bundles] = await Promise.all([
    // The stack's own worker stands aside: transfers are the bundles' work here.
    startLocalStack({ env: { INTAKE_CONCURRENCY: '0', SWEEP_EVERY_MS: '3600000' } }),
    testedBundles(),
  ])
  const template = synthesize({ stage: 'local' })
  const variables = variablesOf(template)
  const permissions = permissionsOf(template)
  const local = functionEnvironment({
    addresses: addresses(String(stack.port)),
    simulated,
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
  const gate = awsGate({
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
      (local[variable] ?? '').replace(stack.at(5), endpoint),
    ])
    return {
      ...Object.fromEntries(given),
      ...(variables.get(name)?.['SECRETS_KEY_ARN'] === undefined
        ? {}
        : { SECRETS_KEY_ARN: 'arn:aws:kms:eu-central-1:000000000000:key/local' }),
      ...(variables.get(name)?.['WRITES_SECRETS'] === undefined ? {} : { WRITES_SECRETS: 'true' }),
      // Where a deployment has the real ones.
      ...Object.fromEntries(simulated.map((one) => [one.endpointSetting, local[one.endpointSetting] ?? ''])),
      STORAGE_ENDPOINT: endpoint,
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: local['AWS_REGION'] ?? '',
      AWS_ACCESS_KEY_ID: local['AWS_ACCESS_KEY_ID'] ?? '',
      AWS_SECRET_ACCESS_KEY: local['AWS_SECRET_ACCESS_KEY'] ?? '',
    }
  }
  const host = lambdaHost((name) => {
    const plan = functionPlans[name]
    return {
      name,
      directory: bundles.get(name)?.directory ?? '',
      handler: handlerSetting,
      timeoutMs: plan.timeoutSeconds * 1000,
      memoryMiB: plan.memoryMiB,
      environment: environmentOf(name),
    }
  })
  const answer = gateway({ invoker: host, mayCall: guardPages([], () => undefined) })
  const server = createServer((req, res) => {
    answer(req, res, new URL(req.url ?? '/', 'http://local')).catch(() => res.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { token, request } = await apiOf(stack.base, 'bundle-user')
  const api: Api = {
    token,
    request: (method, path, options) =>
      request(method, path.startsWith('http') ? path : `${base}${path}`, options),
  }
  return {
    stack,
    host,
    gate,
    api,
    async connect(provider, account) {
      const started = await api.request<ConnectionAnswer>('POST', '/v1/connections', { json: { provider } })
      if (started.status !== 201) throw new Error(`connecting answered ${started.status}: ${started.text}`)
      const { connection, authorizationUrl } = started.body
      if (authorizationUrl === undefined) return connection.id
      const returned = await consent(authorizationUrl, { decision: 'approve', account })
      const { completionCode } = await callback(returned.replace(stack.base, base))
      const json = { completionCode }
      const completed = await api.request('POST', `/v1/connections/${connection.id}/complete`, { json })
      if (completed.status !== 200)
        throw new Error(`completing answered ${completed.status}: ${completed.text}`)
      return connection.id
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await host.close()
      gate.close()
      await stack.dispose()
    },
  }
}

/** An SQS event about one object of the intake bucket. */
export function intakeEvent(key: string, size: number): unknown {
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    s3: {
      bucket: { name: 'driveway-intake' },
      object: { key: encodeURIComponent(key).replaceAll('%2F', '/'), size },
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
        eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:driveway-intake-short',
        awsRegion: 'eu-central-1',
      },
    ],
  }
}
