import { text } from 'node:stream/consumers'
import type { Composition } from '../../lib/compose/composition.ts'
import { compose } from '../../lib/compose/compose.ts'
import type { Outside } from '../../lib/compose/outside.ts'
import { outsideOf } from '../../lib/compose/outside.ts'
import type { FunctionName, RouteFunctionName } from '../../lib/contract/routes.ts'
import type { Settings } from '../../lib/providers/about.ts'
import { inProcessInvoker, installStreamingGlobal } from '../../local/gateway/invoker.ts'
import { handlers } from '../../local/handlers.ts'
import type { ApiCall } from './api-event.ts'
import { apiEvent } from './api-event.ts'
import { memoryDynamo, memorySecrets } from './memory-aws.ts'

const environment = {
  CONNECTIONS_TABLE: 'connections',
  DOCUMENTS_TABLE: 'documents',
  TOKENS_TABLE: 'tokens',
  GRANTS_TABLE: 'grants',
  CELLS_TABLE: 'cells',
  AUTHORIZATIONS_TABLE: 'authorizations',
  USERS_TABLE: 'users',
  WEBHOOKS_TABLE: 'webhooks',
  SECRET_PREFIX: 'driveway/test',
  PUBLIC_URL: 'https://app.example',
  ALLOWED_RETURN_URLS: 'https://app.example.com',
  DRIVE_FOLDER: 'Driveway',
  INTAKE_BUCKET: 'driveway-intake',
  STORAGE_BUCKET: 'driveway-storage',
  STORAGE_REGION: 'eu-central-1',
}

const sealKey = { current: 'k1', keys: { k1: 'a test key that is long enough to be one, is it not?' } }

/**
 * One process in this Node, with tables, secrets and a clock of its own. `call` invokes its handlers as the
 * gateway would.
 */
export function processOf(
  outside: Partial<Outside>,
  secrets: Readonly<Record<string, unknown>> = {},
  settings: Settings = {},
) {
  const dynamo = memoryDynamo()
  const stored = new Map<string, string | Uint8Array>(
    Object.entries({ 'seal-key': sealKey, ...secrets }).map(([name, value]): [string, string] => [
      `driveway/test/${name}`,
      JSON.stringify(value),
    ]),
  )
  const client = memorySecrets(stored)
  const composition = compose(
    { ...environment, ...settings },
    {
      ...outsideOf({}),
      dynamo: () => dynamo,
      secrets: () => Promise.resolve(client),
      ...outside,
    },
  )
  const invoker = inProcessInvoker(handlersIn(composition), () => 20_000)
  const call = async (name: RouteFunctionName, options: ApiCall = {}) => {
    const answer = await invoker.invokeHttp(name, apiEvent(options))
    const body = typeof answer.body === 'string' ? answer.body : await text(answer.body)
    return { ...answer, body, json: () => JSON.parse(body) as Record<string, never> }
  }
  return { clock: composition.clock, call }
}

function handlersIn(composition: Composition) {
  // Lambda's runtime has it before it loads a handler that streams.
  installStreamingGlobal()
  return Object.fromEntries(
    Object.entries(handlers).map(([name, load]) => [
      name,
      async () => {
        const { handlerIn } = await load()
        return { handler: (handlerIn as (composition: Composition) => unknown)(composition) }
      },
    ]),
  ) as Record<FunctionName, () => Promise<{ readonly handler: unknown }>>
}
