import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { EventLog } from '../events/event-log.ts'
import { streamEvents } from '../events/event-stream.ts'
import { putEvents } from '../events/put-events.ts'
import { Faults } from '../faults.ts'
import { startServer, type RunningServer } from '../http-server.ts'
import {
  AwsJsonError,
  parseJson,
  readBody,
  readJson,
  sendJson,
  sendJsonError,
  targetOf,
} from '../json-protocol.ts'
import { verifyJsonSignature } from '../json-signature.ts'
import type { Credentials } from '../signature.ts'
import { performSecretOperation } from './operations.ts'
import { openVault, type Vault } from './secret-store.ts'

export interface SecretsManagerOptions {
  /** 0 takes a free port. */
  readonly port: number
  /** Where secrets (sealed), their key and the events are kept. */
  readonly stateDir: string
  /** The key pair that is accepted; `local`/`local` when absent. */
  readonly credentials?: Credentials
  readonly clock?: Clock
  /** How many events are kept; 10,000 when absent. */
  readonly eventCapacity?: number
}

interface Services {
  readonly vault: Vault
  readonly events: EventLog
  readonly faults: Faults
  readonly credentials: Credentials
}

const maxRequestBytes = 2 * 1024 * 1024

/** `/_local/…`: what tests and local tools use. Not part of any AWS protocol, and never in a deployment. */
const localOperation = async (
  { events, faults }: Services,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://local')
  const answer = (body: unknown): void => sendJson(response, 200, body, 'application/json')
  switch (`${request.method ?? ''} ${pathname}`) {
    case 'GET /_local/events':
      return answer(events.read(Number(searchParams.get('since') ?? 0) || 0))
    case 'DELETE /_local/events':
      events.clear()
      return answer([])
    case 'GET /_local/events/stream':
      return streamEvents(events, request, response)
    case 'GET /_local/faults':
      return answer(faults.list())
    case 'POST /_local/faults':
      return answer(faults.add(await readJson(request, maxRequestBytes)))
    case 'DELETE /_local/faults':
      faults.clear()
      return answer([])
    case 'GET /_local/requests':
      return answer(faults.requests())
    case 'DELETE /_local/requests':
      faults.clearRequests()
      return answer({})
    default:
      throw new AwsJsonError('UnknownOperationException', 'No such path', { status: 404 })
  }
}

const awsOperation = async (
  { vault, events, faults, credentials }: Services,
  request: IncomingMessage,
): Promise<unknown> => {
  const body = await readBody(request, maxRequestBytes)
  verifyJsonSignature(request, body, credentials)
  const { service, operation } = targetOf(request)
  const input = parseJson(body)
  await faults.apply(`${service}.${operation}`)
  if (service === 'secretsmanager') return performSecretOperation(vault, operation, input)
  if (service === 'AWSEvents' && operation === 'PutEvents') return putEvents(events, input)
  throw new AwsJsonError(
    'UnknownOperationException',
    `${service}.${operation} is not offered by this emulator`,
  )
}

/**
 * Starts Secrets Manager on 127.0.0.1, and on the same port EventBridge's PutEvents and `/_local/…`
 * for tests. Values are encrypted on disk; what was acknowledged survives a killed process.
 */
export const startSecretsManager = async (options: SecretsManagerOptions): Promise<RunningServer> => {
  const clock = options.clock ?? Date.now
  const services: Services = {
    vault: openVault(options.stateDir, clock),
    events: new EventLog(options.stateDir, clock, options.eventCapacity),
    faults: new Faults(),
    credentials: options.credentials ?? { accessKeyId: 'local', secretAccessKey: 'local' },
  }
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      if (request.url?.startsWith('/_local/') === true) await localOperation(services, request, response)
      else sendJson(response, 200, await awsOperation(services, request))
    } catch (error) {
      sendJsonError(response, error)
    }
  }
  const close = (): void => {
    services.events.close()
    services.vault.database.close()
  }
  return startServer(
    'Secrets Manager',
    options.port,
    (request, response) => void handle(request, response),
    close,
  ).catch((error: unknown) => {
    close()
    throw error
  })
}
