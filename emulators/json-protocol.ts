import type { IncomingMessage, ServerResponse } from 'node:http'
import { randomUUID } from 'node:crypto'
import * as z from 'zod/mini'

/** An error of an AWS JSON service: the SDK builds the exception class from `code`. */
export class AwsJsonError extends Error {
  override readonly name = 'AwsJsonError'
  readonly code: string
  readonly status: number
  /**
   * What the older query protocol calls the same error; SQS clients read it to choose the exception class.
   */
  readonly queryCode: string | undefined
  /** Further members of the answer's body. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: { status?: number; queryCode?: string; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message)
    this.code = code
    this.status = options.status ?? 400
    this.queryCode = options.queryCode
    this.details = options.details ?? {}
  }
}

/**
 * Reads a request body into memory up to `limit` bytes.
 * @throws AwsJsonError `RequestEntityTooLarge` above the limit.
 */
export const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > limit)
      throw new AwsJsonError('RequestEntityTooLarge', 'The request is too large', { status: 413 })
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/** Parses a JSON request body; an empty one counts as `{}`. */
export const parseJson = (body: Buffer): unknown => {
  if (body.length === 0) return {}
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new AwsJsonError('SerializationException', 'The request body is not JSON')
  }
}

/** Reads a JSON request body; an empty one counts as `{}`. */
export const readJson = async (request: IncomingMessage, limit: number): Promise<unknown> =>
  parseJson(await readBody(request, limit))

/** Checks `input` against `schema`, or fails as AWS does for a malformed parameter. */
export const parseInput = <Schema extends z.ZodMiniType>(
  schema: Schema,
  input: unknown,
  code = 'ValidationException',
): z.infer<Schema> => {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AwsJsonError(code, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`)
}

/** Answers JSON with the content type of the AWS JSON protocol `version`. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  type = 'application/x-amz-json-1.1',
  headers: Readonly<Record<string, string>> = {},
): void => {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'x-amzn-requestid': randomUUID(),
    ...headers,
  })
  response.end(bytes)
}

/** Answers an error in the shape of the AWS JSON protocols. */
export const sendJsonError = (
  response: ServerResponse,
  error: unknown,
  type = 'application/x-amz-json-1.1',
): void => {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const known =
    error instanceof AwsJsonError
      ? error
      : new AwsJsonError('InternalServiceError', error instanceof Error ? error.message : 'unknown', {
          status: 500,
        })
  const headers: Record<string, string> = { 'x-amzn-errortype': known.code }
  if (known.queryCode !== undefined) headers['x-amzn-query-error'] = `${known.queryCode};Sender`
  sendJson(
    response,
    known.status,
    { __type: known.code, message: known.message, Message: known.message, ...known.details },
    type,
    headers,
  )
}

/** The operation named in `X-Amz-Target`, as service prefix and name. */
export const targetOf = (request: IncomingMessage): { service: string; operation: string } => {
  const header = request.headers['x-amz-target']
  const [service = '', operation = ''] = typeof header === 'string' ? header.split('.') : []
  return { service, operation }
}
