import { PassThrough, type Readable, type Writable } from 'node:stream'
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda'
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { FunctionName } from '../../lib/contract/routes.ts'
import { setTimeout as pause } from 'node:timers/promises'

/** A function's answer as API Gateway takes it: the head at once, the body as text or as a stream. */
export interface InvokeResult {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Readable
  readonly isBase64Encoded: boolean
}

/** Calls a Lambda function by the name of its file under `functions/`. */
export interface Invoker {
  invokeHttp(functionName: FunctionName, event: APIGatewayProxyEvent): Promise<InvokeResult>
  invoke(functionName: FunctionName, event: unknown): Promise<unknown>
}

type PlainHandler = (event: unknown, context: Context) => Promise<unknown>
type StreamHandler = (event: unknown, stream: Writable, context: Context) => Promise<void>
interface Prelude {
  readonly statusCode: number
  readonly headers?: Record<string, string>
}

const streamed = Symbol('streamed')
const prelude = Symbol('prelude')

/** The global that Lambda's Node runtime gives to handlers which stream their answer. */
export function installStreamingGlobal(): void {
  Object.assign(globalThis, {
    awslambda: {
      streamifyResponse: (handler: StreamHandler) => Object.assign(handler, { [streamed]: true }),
      HttpResponseStream: {
        from(stream: Writable & { [prelude]?: (head: Prelude) => void }, head: Prelude): Writable {
          stream[prelude]?.(head)
          return stream
        },
      },
    },
  })
}

/** The function that is at work: here one process stands for many, and a watcher wants to tell them apart. */
export const functionAtWork = new AsyncLocalStorage<string>()

/** A Lambda context with a clock that runs down from `timeoutMs`. What follows is done by that function. */
export function lambdaContext(functionName: string, timeoutMs: number): Context {
  functionAtWork.enterWith(functionName)
  const end = Date.now() + timeoutMs
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${functionName}`,
    memoryLimitInMB: '1024',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, end - Date.now()),
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  }
}

/**
 * What a call answers; rejects as Lambda does when that takes
 * longer than `timeoutMs`. The call itself cannot be stopped.
 */
export async function invokeInTime<Answer>(call: Promise<Answer>, timeoutMs: number): Promise<Answer> {
  const ended = new AbortController()
  const timeout = pause(timeoutMs, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`Task timed out after ${timeoutMs / 1000} seconds`)
  })
  try {
    return await Promise.race([call, timeout])
  } finally {
    timeout.catch(() => undefined)
    ended.abort()
  }
}

function streamHttp(
  handler: StreamHandler,
  event: APIGatewayProxyEvent,
  context: Context,
): Promise<InvokeResult> {
  return new Promise((resolve, reject) => {
    const body = new PassThrough()
    const take = ({ statusCode, headers }: Prelude): void =>
      resolve({ statusCode, headers: headers ?? {}, body, isBase64Encoded: false })
    handler(event, Object.assign(body, { [prelude]: take }), context).catch((error: unknown) => {
      const failure = error instanceof Error ? error : new Error('the handler failed')
      // Before the head this is a failed invocation; after it, a body cut short.
      body.destroy(failure)
      reject(failure)
    })
    // The reader of a result may have gone; a failed body is then nobody's.
    body.on('error', () => undefined)
  })
}

/** Runs the handlers' sources in this process; `timeoutMs` as deployed. */
export function inProcessInvoker(
  handlers: Readonly<Record<FunctionName, () => Promise<{ readonly handler: unknown }>>>,
  timeoutMs: (functionName: FunctionName) => number,
): Invoker {
  const loadHandler = async (functionName: FunctionName): Promise<unknown> =>
    (await handlers[functionName]()).handler
  return {
    async invokeHttp(functionName, event) {
      const handler = await loadHandler(functionName)
      const context = lambdaContext(functionName, timeoutMs(functionName))
      if (typeof handler === 'function' && streamed in handler)
        return streamHttp(handler as unknown as StreamHandler, event, context)
      const result = (await (handler as PlainHandler)(event, context)) as APIGatewayProxyResult
      const headers = Object.fromEntries(
        Object.entries(result.headers ?? {}).map(([name, value]) => [name, String(value)]),
      )
      return {
        statusCode: result.statusCode,
        headers,
        body: result.body,
        isBase64Encoded: result.isBase64Encoded === true,
      }
    },
    async invoke(functionName, event) {
      const handler = (await loadHandler(functionName)) as PlainHandler
      return handler(event, lambdaContext(functionName, timeoutMs(functionName)))
    },
  }
}
