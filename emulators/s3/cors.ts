import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod/mini'
import { S3Error } from './errors.ts'

const texts = z.array(z.string())

/** Rules of a bucket, as `PutBucketCors` has them. One `*` in an origin or header stands for anything. */
export const corsRules = z.optional(
  z.array(
    z.object({
      allowedOrigins: texts,
      allowedMethods: texts,
      allowedHeaders: texts,
      exposedHeaders: texts,
      /** Seconds. */
      maxAge: z.number(),
    }),
  ),
)
export type CorsRule = NonNullable<z.output<typeof corsRules>>[number]

const fits = (pattern: string, text: string): boolean => {
  const [before = '', after] = pattern.split('*')
  if (after === undefined) return pattern === text
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after)
}

/**
 * Answers a page as S3 does: by the first rule that has its origin, its method and every header that it asks
 * for. Without one a preflight is refused, and any other answer is one that the page cannot read.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
 * @throws S3Error for a preflight that no rule allows
 */
export const answerPage = (
  rules: readonly CorsRule[],
  message: IncomingMessage,
  response: ServerResponse,
): void => {
  const {
    origin,
    'access-control-request-method': asked,
    'access-control-request-headers': names,
  } = message.headers
  const preflight = message.method === 'OPTIONS'
  if (origin === undefined) {
    if (preflight) throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.')
    return
  }
  const method = preflight ? asked : message.method
  const headers = (preflight ? (names ?? '') : '').split(',').map((name) => name.trim().toLowerCase())
  const rule = rules.find(
    ({ allowedOrigins, allowedMethods, allowedHeaders }) =>
      allowedOrigins.some((pattern) => fits(pattern, origin)) &&
      allowedMethods.includes(method ?? '') &&
      headers.every(
        (name) => name === '' || allowedHeaders.some((pattern) => fits(pattern.toLowerCase(), name)),
      ),
  )
  if (rule === undefined) {
    if (!preflight) return
    const why =
      rules.length === 0 ? 'CORS is not enabled for this bucket.' : 'This CORS request is not allowed.'
    throw new S3Error('AccessForbidden', `CORSResponse: ${why}`)
  }
  const anybody = rule.allowedOrigins.includes('*')
  response.setHeader('access-control-allow-origin', anybody ? '*' : origin)
  if (!anybody) response.setHeader('access-control-allow-credentials', 'true')
  response.setHeader('access-control-allow-methods', rule.allowedMethods.join(', '))
  if (rule.exposedHeaders.length > 0)
    response.setHeader('access-control-expose-headers', rule.exposedHeaders.join(', '))
  response.setHeader('vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method')
  if (!preflight) return
  if (names !== undefined) response.setHeader('access-control-allow-headers', headers.join(', '))
  response.setHeader('access-control-max-age', String(rule.maxAge))
}
