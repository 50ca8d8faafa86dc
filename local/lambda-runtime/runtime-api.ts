import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { preludeParser } from './prelude.ts'

/** What a function answered: JSON, or a prelude with a body that still flows. */
export type FunctionAnswer =
  | { readonly kind: 'whole'; readonly payload: unknown }
  | { readonly kind: 'streamed'; readonly prelude: unknown; readonly body: Readable }

/** A function that threw, timed out or ended; its name is the type that Lambda gives it. */
export class FunctionError extends Error {
  constructor(type: string, message: string) {
    super(message)
    this.name = type
  }
}

interface Pending {
  readonly id: string
  readonly event: string
  readonly deadlineMs: number
  readonly settled: PromiseWithResolvers<FunctionAnswer>
  /** Resolves when the environment is ready for the next event. */
  readonly over: PromiseWithResolvers<void>
}

export interface RuntimeApi {
  /** `host:port`, as `AWS_LAMBDA_RUNTIME_API` has it. */
  readonly address: string
  /**
   * Hands one event to the environment; rejects with FunctionError.
   * `over` resolves when the whole answer has been taken.
   */
  invoke(
    id: string,
    event: unknown,
    deadlineMs: number,
  ): { answer: Promise<FunctionAnswer>; over: Promise<void> }
  /** Ends what is under way with `error`. */
  fail(error: FunctionError): void
  close(): void
}

const base = '/2018-06-01/runtime'

/**
 * The runtime API for one execution environment, which takes one event at
 * a time. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function openRuntimeApi(functionArn: string): Promise<RuntimeApi> {
  let waiting: ServerResponse | undefined
  let queued: Pending | undefined
  let current: Pending | undefined
  let broken: FunctionError | undefined

  const deliver = (): void => {
    if (waiting === undefined || queued === undefined) return
    current = queued
    queued = undefined
    waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': current.id,
      'lambda-runtime-deadline-ms': String(current.deadlineMs),
      'lambda-runtime-invoked-function-arn': functionArn,
      'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0',
    })
    waiting.end(current.event)
    waiting = undefined
  }
  const fail = (error: FunctionError): void => {
    broken = error
    for (const pending of [current, queued]) {
      pending?.settled.reject(error)
      pending?.over.resolve()
    }
    current = undefined
    queued = undefined
  }
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = (req.url ?? '').replace(base, '')
    if (req.method === 'GET' && path === '/invocation/next') {
      waiting = res
      current?.over.resolve()
      current = undefined
      return deliver()
    }
    if (path === '/init/error') fail(await readError(req))
    const pending = current
    if (pending !== undefined && path === `/invocation/${pending.id}/response`)
      await takeResponse(req, pending)
    if (pending !== undefined && path === `/invocation/${pending.id}/error`)
      pending.settled.reject(await readError(req))
    res.writeHead(202).end()
  }

  // A client may leave its connection idle between two answers; one that closes in the moment of the next
  // would lose that.
  const server = createServer({ keepAliveTimeout: 0 }, (req, res) => {
    answer(req, res).catch(() => res.destroy())
  })
  const address = await listening(server)
  return {
    address,
    invoke(id, event, deadlineMs) {
      const pending: Pending = {
        id,
        event: JSON.stringify(event),
        deadlineMs,
        settled: Promise.withResolvers(),
        over: Promise.withResolvers(),
      }
      queued = pending
      if (broken === undefined) deliver()
      else fail(broken)
      return { answer: pending.settled.promise, over: pending.over.promise }
    },
    fail,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function readAll(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

async function readError(req: IncomingMessage): Promise<FunctionError> {
  const { errorType, errorMessage } = JSON.parse(await readAll(req)) as {
    errorType: string
    errorMessage: string
  }
  return new FunctionError(errorType, errorMessage)
}

async function takeResponse(req: IncomingMessage, { settled }: Pending): Promise<void> {
  if (req.headers['lambda-runtime-function-response-mode'] !== 'streaming') {
    settled.resolve({ kind: 'whole', payload: JSON.parse(await readAll(req)) })
    return
  }
  const body = preludeParser((prelude) => settled.resolve({ kind: 'streamed', prelude, body }))
  // Whoever has the body may have gone; a body that breaks is then nobody's.
  body.on('error', () => undefined)
  try {
    await pipeline(req, body, { end: false })
    const failed = req.trailers['lambda-runtime-function-error-type']
    if (failed === undefined) body.end()
    else throw new FunctionError(failed, 'The function failed while its answer was under way.')
  } catch (error) {
    settled.reject(error)
    body.destroy(error instanceof Error ? error : new Error('The answer broke off.'))
  }
}
