import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openResponse, ResponseStream } from './response-stream.ts'

/**
 * What Lambda runs in an execution environment: imports the bundle once, then asks the runtime API for one
 * event after the other. It knows nothing of this project but what Lambda itself is told by the environment.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */

const api = `http://${process.env['AWS_LAMBDA_RUNTIME_API'] ?? ''}/2018-06-01/runtime`
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const streamed = Symbol('streamed')

interface Invocation {
  readonly id: string
  readonly deadlineMs: number
  readonly functionArn: string
  readonly event: unknown
}

interface Answer {
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

type Handler = ((event: unknown, ...rest: unknown[]) => unknown) & { readonly [streamed]?: true }

function call(
  method: 'GET' | 'POST',
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${api}${path}`, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () =>
        resolve({ headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }),
      )
      response.once('error', reject)
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

function described(error: unknown): { errorType: string; errorMessage: string; trace: string[] } {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] }
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
}

async function report(path: string, error: unknown): Promise<void> {
  const body = described(error)
  await call('POST', path, JSON.stringify(body), { 'Lambda-Runtime-Function-Error-Type': body.errorType })
}

/** The global that Lambda's Node runtime offers to handlers, before they are loaded. */
function installGlobal(): void {
  Object.assign(globalThis, {
    awslambda: {
      streamifyResponse: (handler: Handler) => Object.assign(handler, { [streamed]: true }),
      HttpResponseStream: {
        from(stream: ResponseStream, prelude: unknown): ResponseStream {
          stream.setPrelude(prelude)
          return stream
        },
      },
    },
  })
}

async function loadHandler(): Promise<Handler> {
  const [file = 'index', name = 'handler'] = (process.env['_HANDLER'] ?? '').split('.')
  const path = join(process.env['LAMBDA_TASK_ROOT'] ?? '', `${file}.mjs`)
  const module: Record<string, unknown> = await import(pathToFileURL(path).href)
  const handler = module[name]
  if (typeof handler !== 'function') throw new TypeError(`${file}.${name} is not a function`)
  // Node 24's runtime has no callbacks any more.
  // https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
  if (!(streamed in handler) && handler.length >= 3)
    throw new TypeError('Callback handlers are not supported')
  return handler as Handler
}

async function next(): Promise<Invocation> {
  const { headers, body } = await call('GET', '/invocation/next')
  const header = (name: string): string => String(headers[name] ?? '')
  const trace = header('lambda-runtime-trace-id')
  if (trace !== '') process.env['_X_AMZN_TRACE_ID'] = trace
  return {
    id: header('lambda-runtime-aws-request-id'),
    deadlineMs: Number(header('lambda-runtime-deadline-ms')),
    functionArn: header('lambda-runtime-invoked-function-arn'),
    event: JSON.parse(body),
  }
}

function contextOf({ id, deadlineMs, functionArn }: Invocation): object {
  return {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: false,
    functionName: process.env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: process.env['AWS_LAMBDA_FUNCTION_VERSION'],
    invokedFunctionArn: functionArn,
    memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'],
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  }
}

async function runStreamed(handler: Handler, invocation: Invocation): Promise<void> {
  const done = Promise.withResolvers<void>()
  const url = `${api}/invocation/${invocation.id}/response`
  const settle = (error?: Error): void => (error === undefined ? done.resolve() : done.reject(error))
  const stream = new ResponseStream(openResponse(url, agent, settle))
  // What breaks the stream reaches the handler, which throws it.
  stream.on('error', () => undefined)
  try {
    await handler(invocation.event, stream, contextOf(invocation))
    if (!stream.writableEnded) stream.end()
  } catch (error) {
    const { errorType, errorMessage } = described(error)
    stream.fail(errorType, errorMessage)
  }
  await done.promise
}

async function run(handler: Handler, invocation: Invocation): Promise<void> {
  if (handler[streamed] === true) return runStreamed(handler, invocation)
  try {
    const result = await handler(invocation.event, contextOf(invocation))
    await call('POST', `/invocation/${invocation.id}/response`, JSON.stringify(result ?? null))
  } catch (error) {
    await report(`/invocation/${invocation.id}/error`, error)
  }
}

installGlobal()
let handler: Handler
try {
  handler = await loadHandler()
} catch (error) {
  await report('/init/error', error)
  process.exit(1)
}
for (;;) await run(handler, await next())
