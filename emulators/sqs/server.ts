import { accountId } from '../account.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod/mini'
import type { Clock } from '../clock.ts'
import { startServer, type RunningServer } from '../http-server.ts'
import {
  AwsJsonError,
  parseInput,
  parseJson,
  readBody,
  sendJson,
  sendJsonError,
  targetOf,
} from '../json-protocol.ts'
import { verifyJsonSignature } from '../json-signature.ts'
import type { Credentials } from '../signature.ts'
import { applyAttributes, defaultSettings } from './attributes.ts'
import * as messages from './message-operations.ts'
import * as queues from './queue-operations.ts'
import { arnOf, QueueStore } from './queue-store.ts'

/** A queue that is created at the start, or brought to these settings when it is there. */
export interface QueueDefinition {
  readonly name: string
  /** Seconds. */
  readonly visibilityTimeout?: number
  readonly retention?: number
  readonly deadLetter?: { readonly queue: string; readonly maxReceiveCount: number }
}

export interface SqsOptions {
  /** 0 takes a free port. */
  readonly port: number
  readonly stateDir: string
  readonly queues: readonly QueueDefinition[]
  /** The key pair that is accepted; `local`/`local` when absent. */
  readonly credentials?: Credentials
  readonly clock?: Clock
}

export interface RunningSqs extends RunningServer {
  queueUrl(name: string): string
  /** Puts messages into a queue without a round trip, all or none; resolves when they are stored. */
  send(queue: string, bodies: readonly string[]): Promise<void>
}

const contentType = 'application/x-amz-json-1.0'
const maxRequestBytes = 2 * 1024 * 1024
const queueInput = z.object({ QueueUrl: z.string() })

const queueOf = (store: QueueStore, input: unknown): string => {
  const url = parseInput(queueInput, input, 'InvalidParameterValue').QueueUrl
  const name = url.split('/').at(-1) ?? ''
  store.settings(name)
  return name
}

const perform = (
  store: QueueStore,
  endpoint: string,
  operation: string,
  input: unknown,
  signal: AbortSignal,
): unknown => {
  switch (operation) {
    case 'CreateQueue':
      return queues.createQueue(store, endpoint, input)
    case 'GetQueueUrl':
      return queues.getQueueUrl(store, endpoint, input)
    case 'ListQueues':
      return queues.listQueues(store, endpoint, input)
    case 'StartMessageMoveTask':
      return queues.startMessageMoveTask(store, input)
    case 'ListMessageMoveTasks':
      return queues.listMessageMoveTasks(store, input)
    case 'GetQueueAttributes':
      return queues.getQueueAttributes(store, queueOf(store, input), input)
    case 'SetQueueAttributes':
      return queues.setQueueAttributes(store, queueOf(store, input), input)
    case 'DeleteQueue':
      store.deleteQueue(queueOf(store, input))
      return {}
    case 'PurgeQueue':
      store.purge(queueOf(store, input))
      return {}
    case 'SendMessage':
      return messages.sendMessage(store, queueOf(store, input), input)
    case 'SendMessageBatch':
      return messages.sendMessageBatch(store, queueOf(store, input), input)
    case 'ReceiveMessage':
      return messages.receiveMessage(store, queueOf(store, input), input, signal)
    case 'DeleteMessage':
      return messages.deleteMessage(store, queueOf(store, input), input)
    case 'DeleteMessageBatch':
      return messages.deleteMessageBatch(store, queueOf(store, input), input)
    case 'ChangeMessageVisibility':
      return messages.changeMessageVisibility(store, queueOf(store, input), input)
    case 'ChangeMessageVisibilityBatch':
      return messages.changeMessageVisibilityBatch(store, queueOf(store, input), input)
    default:
      throw new AwsJsonError('UnsupportedOperation', `${operation} is not offered by this emulator`, {
        queryCode: 'AWS.SimpleQueueService.UnsupportedOperation',
      })
  }
}

const ensureQueues = (store: QueueStore, definitions: readonly QueueDefinition[]): void => {
  for (const { name, visibilityTimeout, retention, deadLetter } of definitions) {
    const attributes: Record<string, string> = {}
    if (visibilityTimeout !== undefined) attributes['VisibilityTimeout'] = String(visibilityTimeout)
    if (retention !== undefined) attributes['MessageRetentionPeriod'] = String(retention)
    if (deadLetter)
      attributes['RedrivePolicy'] = JSON.stringify({
        deadLetterTargetArn: arnOf(deadLetter.queue),
        maxReceiveCount: deadLetter.maxReceiveCount,
      })
    store.saveQueue(
      name,
      applyAttributes(store.has(name) ? store.settings(name) : defaultSettings, attributes),
    )
  }
}

/** Starts an SQS server (standard queues) on 127.0.0.1 that keeps queues and messages on disk. */
export const startSqs = async (options: SqsOptions): Promise<RunningSqs> => {
  const { credentials = { accessKeyId: 'local', secretAccessKey: 'local' } } = options
  const store = new QueueStore(options.stateDir, options.clock ?? Date.now)
  ensureQueues(store, options.queues)
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController()
    const { socket } = request
    const hungUp = (): void => gone.abort()
    socket.once('end', hungUp)
    response.once('close', () => {
      socket.off('end', hungUp)
      gone.abort()
    })
    try {
      const body = await readBody(request, maxRequestBytes)
      verifyJsonSignature(request, body, credentials)
      const { operation } = targetOf(request)
      const input = parseJson(body)
      const endpoint = `http://${request.headers.host ?? ''}`
      const result = await perform(store, endpoint, operation, input, gone.signal)
      if (!gone.signal.aborted) sendJson(response, 200, result, contentType)
    } catch (error) {
      if (!gone.signal.aborted) sendJsonError(response, error, contentType)
    }
  }
  const server = await startServer(
    'SQS',
    options.port,
    (request, response) => void handle(request, response),
    () => store.close(),
  ).catch((error: unknown) => {
    store.close()
    throw error
  })
  return {
    ...server,
    queueUrl: (name) => `${server.endpoint}/${accountId}/${name}`,
    send: async (queue, bodies) => {
      store.send(
        queue,
        bodies.map((body) => ({ body })),
      )
    },
  }
}
