import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { problemTypes } from '../../lib/contract/problems.ts'
import type { DeployedRoute } from '../../lib/contract/routes.ts'
import { requestHeaders, servedRoutes } from '../../lib/contract/routes.ts'
import type { ErrorCode } from '../../lib/errors.ts'
import type { MatchedRoute } from './event.ts'
import { matchRoute, proxyEvent } from './event.ts'
import type { PageGuard } from '../pages.ts'
import type { InvokeResult, Invoker } from './invoker.ts'

/**
 * API Gateway's own limit of a request body.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
 */
const maxGatewayBytes = 10 * 1024 * 1024
/** What is read and thrown away after a refusal, so that a client which is still sending sees the answer. */
const maxDiscardedBytes = 256 * 1024 * 1024

export interface GatewayOptions {
  readonly invoker: Invoker
  readonly mayCall: PageGuard
  readonly routes?: readonly DeployedRoute[]
}

/** A handler for every request under `/v1`, doing what API Gateway does in a deployment. */
export function gateway({ invoker, mayCall, routes = servedRoutes }: GatewayOptions) {
  /** What the authorizer says of the caller; a word when it says nothing. */
  const authorize = async (
    req: IncomingMessage,
    path: string,
  ): Promise<Record<string, unknown> | 'refused' | 'failed'> => {
    const authorizationToken = req.headers.authorization
    if (authorizationToken === undefined) return 'refused'
    const methodArn = `arn:aws:execute-api:local:000000000000:local/local/${req.method ?? 'GET'}${path}`
    try {
      const answer = await invoker.invoke('authorize-request', {
        type: 'TOKEN',
        authorizationToken,
        methodArn,
      })
      const { principalId, context } = answer as { principalId: string; context?: Record<string, unknown> }
      return { ...context, principalId }
    } catch (error) {
      return error instanceof Error && error.message === 'Unauthorized' ? 'refused' : 'failed'
    }
  }

  return async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> => {
    const requestId = randomUUID()
    const origin = req.headers.origin
    const cors: Record<string, string> = mayCall(origin)
      ? { 'access-control-allow-origin': origin, vary: 'origin' }
      : {}
    const refuse = (
      code: ErrorCode,
      detail: string,
      more: {
        status?: number
        links?: Record<string, string>
        retryAfterSeconds?: number
        headers?: Record<string, string>
      } = {},
    ): void => {
      const { title, status } = problemTypes[code]
      const answered = more.status ?? status
      const { retryAfterSeconds } = more
      const body = JSON.stringify({
        type: `urn:driveway:problem:${code}`,
        title,
        status: answered,
        detail,
        code,
        requestId,
        ...(more.links === undefined ? {} : { links: more.links }),
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      })
      res.writeHead(answered, {
        ...cors,
        ...more.headers,
        'content-type': 'application/problem+json',
        'x-request-id': requestId,
        'cache-control': 'no-store',
        ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
      })
      res.end(req.method === 'HEAD' ? undefined : body)
      discard(req)
    }

    const match = matchRoute(routes, req.method ?? 'GET', url.pathname)
    if (match === undefined) return refuse('invalid_request', 'There is no such route.', { status: 404 })
    if ('allowed' in match) {
      if (req.method === 'OPTIONS') return preflight(res, match.allowed, cors, requestId)
      const allow = match.allowed.join(', ')
      return refuse('method_not_allowed', `This path takes ${allow}.`, { headers: { allow } })
    }
    const principal = match.route.access === 'public' ? undefined : await authorize(req, url.pathname)
    if (principal === 'refused')
      return refuse('unauthorized', 'Send a valid token: Authorization: Bearer <JWT>.')
    if (principal === 'failed') {
      return refuse('provider_unavailable', 'Tokens cannot be checked at the moment. Try again.', {
        retryAfterSeconds: 5,
      })
    }
    const body = await readBody(req)
    if (body === undefined) {
      return refuse(
        'payload_too_large',
        'The body is too large for the gateway. Upload it through the intake.',
        { links: intakeLinks(match) },
      )
    }
    try {
      await send(
        req,
        res,
        await invoker.invokeHttp(
          match.route.functionName,
          proxyEvent(req, url, match, body, requestId, principal),
        ),
      )
    } catch (error) {
      if (res.headersSent) res.destroy()
      else refuse('internal_error', 'Something went wrong on our side.')
      process.stderr.write(
        `gateway: ${match.route.functionName} failed: ${error instanceof Error ? error.name : 'unknown'}\n`,
      )
    }
  }
}

function intakeLinks({ pathParameters }: MatchedRoute): Record<string, string> {
  const documentId = pathParameters['documentId']
  return documentId === undefined ? {} : { intake: `/v1/documents/${documentId}/intake` }
}

function preflight(
  res: ServerResponse,
  allowed: readonly string[],
  cors: Record<string, string>,
  requestId: string,
): void {
  res.writeHead(204, {
    ...cors,
    'access-control-allow-methods': allowed.join(','),
    'access-control-allow-headers': requestHeaders.join(','),
    'access-control-max-age': '3600',
    'x-request-id': requestId,
  })
  res.end()
}

function discard(req: IncomingMessage): void {
  let left = maxDiscardedBytes
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) req.destroy()
  })
  req.on('error', () => undefined)
}

async function readBody(req: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > maxGatewayBytes) return undefined
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxGatewayBytes) {
        req.removeAllListeners('data')
        resolve(undefined)
      } else chunks.push(chunk)
    })
    req.on('end', () => resolve(Buffer.concat(chunks)))
    req.on('error', reject)
  })
}

async function send(req: IncomingMessage, res: ServerResponse, result: InvokeResult): Promise<void> {
  const { statusCode, headers, body, isBase64Encoded } = result
  res.writeHead(statusCode, headers)
  if (body instanceof Readable) {
    // A cut stream shows to the client as a broken connection, never as a shorter body.
    await pipeline(body, res).catch(() => res.destroy())
    return
  }
  if (req.method === 'HEAD' || body === '') res.end()
  else res.end(isBase64Encoded ? Buffer.from(body, 'base64') : body)
}
