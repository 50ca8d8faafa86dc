import dynalite from 'dynalite'
import { mkdirSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { closeServer, listen, type RunningServer } from './http-server.ts'
import { AwsJsonError, readJson, sendJson, sendJsonError, targetOf } from './json-protocol.ts'
import { TimeToLiveSettings } from './time-to-live.ts'

export interface DynamoDbOptions {
  /** 0 takes a free port. */
  readonly port: number
  readonly stateDir: string
}

const contentType = 'application/x-amz-json-1.0'
const maxRequestBytes = 64 * 1024

/** What dynalite answers with a bare "unknown operation", said so that a developer knows why. */
const missing = ['TransactWriteItems', 'TransactGetItems', 'ExecuteStatement', 'ExecuteTransaction']

/**
 * Starts DynamoDB on 127.0.0.1: dynalite with its state on disk and without its artificial delays, and the
 * time-to-live settings that it lacks. Transactions and PartiQL are not there.
 */
export const startDynamoDb = async (options: DynamoDbOptions): Promise<RunningServer> => {
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 })
  const settings = new TimeToLiveSettings(options.stateDir)
  const server = dynalite({
    path: join(options.stateDir, 'level'),
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
  })
  server.keepAliveTimeout = 75_000
  const [passOn] = server.listeners('request')
  if (!passOn) throw new Error('dynalite has no request listener')
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { operation } = targetOf(request)
    try {
      if (missing.includes(operation))
        throw new AwsJsonError(
          'UnknownOperationException',
          `${operation} does not exist in the local DynamoDB`,
        )
      if (operation === 'UpdateTimeToLive')
        sendJson(response, 200, settings.update(await readJson(request, maxRequestBytes)), contentType)
      else if (operation === 'DescribeTimeToLive')
        sendJson(response, 200, settings.describe(await readJson(request, maxRequestBytes)), contentType)
      else passOn.call(server, request, response)
    } catch (error) {
      sendJsonError(response, error, contentType)
    }
  }
  server.removeAllListeners('request')
  server.on('request', (request, response) => void handle(request, response))
  const port = await listen(server, options.port, 'DynamoDB').catch((error: unknown) => {
    settings.close()
    throw error
  })
  let closing: Promise<void> | undefined
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    close: () => {
      closing ??= closeServer(server).then(() => settings.close())
      return closing
    },
  }
}
