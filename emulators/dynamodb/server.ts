import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { region } from '../account.ts'
import type { Clock } from '../clock.ts'
import { startServer, type RunningServer } from '../http-server.ts'
import { AwsJsonError, parseJson, readBody, sendJson, sendJsonError, targetOf } from '../json-protocol.ts'
import { verifyJsonSignature } from '../json-signature.ts'
import type { Credentials } from '../signature.ts'
import { act, checked, operations, type Operation } from './dynalite.ts'
import { ItemStore } from './item-store.ts'
import { StreamOperations } from './stream-operations.ts'
import { createTable, updateTable } from './table-operations.ts'
import { expireItems, TimeToLiveSettings } from './time-to-live.ts'
import { Transactions } from './transactions.ts'

export interface DynamoDbOptions {
  /** 0 takes a free port. */
  readonly port: number
  readonly stateDir: string
  /** The key pair that is accepted; `local`/`local` when absent. */
  readonly credentials?: Credentials
  /** What time it is for streams, request tokens and times to live. */
  readonly clock?: Clock
}

export interface RunningDynamoDb extends RunningServer {
  /**
   * Deletes what has outlived its time and forgets what is over. The server does so by itself now and then.
   */
  tidy(): Promise<void>
}

interface Services {
  readonly store: ItemStore
  readonly transactions: Transactions
  readonly streams: StreamOperations
  readonly timeToLive: TimeToLiveSettings
}

const contentType = 'application/x-amz-json-1.0'
const maxRequestBytes = 16 * 1024 * 1024
const tidyEveryMs = 10 * 60 * 1000

const isPlain = (operation: string): operation is Operation => operations.some((name) => name === operation)

const perform = (
  { store, transactions, timeToLive }: Services,
  operation: string,
  input: unknown,
): unknown => {
  switch (operation) {
    case 'TransactWriteItems':
      return transactions.write(input)
    case 'TransactGetItems':
      return transactions.read(input)
    case 'UpdateTimeToLive':
      return timeToLive.update(input)
    case 'DescribeTimeToLive':
      return timeToLive.describe(input)
    case 'CreateTable':
      return createTable(store, input)
    case 'UpdateTable':
      return updateTable(store, input)
    default:
      if (isPlain(operation)) return act(store.dynalite, operation, checked(store.dynalite, operation, input))
      throw new AwsJsonError('UnknownOperationException', `${operation} does not exist in the local DynamoDB`)
  }
}

const tidy = async ({ store, transactions, timeToLive }: Services, clock: Clock): Promise<void> => {
  await expireItems(store, timeToLive, clock)
  await transactions.forget()
  for (const { arn } of store.records.streams()) await store.commit(() => store.records.trim(arn))
}

const answer = async (
  services: Services,
  credentials: Credentials,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.end(`healthy: dynamodb.${region}.amazonaws.com`)
    return
  }
  try {
    const body = await readBody(request, maxRequestBytes)
    verifyJsonSignature(request, body, credentials)
    const { service, operation } = targetOf(request)
    const input = parseJson(body)
    const result =
      service === 'DynamoDBStreams_20120810'
        ? await services.streams.perform(operation, input)
        : await perform(services, operation, input)
    sendJson(response, 200, result, contentType)
  } catch (error) {
    sendJsonError(response, error, contentType)
  }
}

/**
 * Starts DynamoDB and DynamoDB Streams on 127.0.0.1: dynalite's parsers, checks and storage on disk,
 * and what it lacks: transactions, change streams and times to live. PartiQL and backups are not there.
 */
export const startDynamoDb = async (options: DynamoDbOptions): Promise<RunningDynamoDb> => {
  const { credentials = { accessKeyId: 'local', secretAccessKey: 'local' }, clock = Date.now } = options
  const store = await ItemStore.open(join(options.stateDir, 'level'), clock)
  const services: Services = {
    store,
    transactions: new Transactions(store, clock),
    streams: new StreamOperations(store, clock),
    timeToLive: new TimeToLiveSettings(options.stateDir),
  }
  let tidying = Promise.resolve()
  const tidyNow = (): Promise<void> => {
    const done = tidying.then(() => tidy(services, clock))
    tidying = done.catch(() => undefined)
    return done
  }
  const timer = setInterval(() => void tidyNow().catch(() => undefined), tidyEveryMs).unref()
  const close = async (): Promise<void> => {
    clearInterval(timer)
    await tidying
    await store.close()
    services.timeToLive.close()
  }
  try {
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      void answer(services, credentials, request, response)
    return { ...(await startServer('DynamoDB', options.port, listener, close)), tidy: tidyNow }
  } catch (error) {
    await close()
    throw error
  }
}
