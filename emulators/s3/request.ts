import type { IncomingMessage, ServerResponse } from 'node:http'
import { S3Error } from './errors.ts'

/** One request, taken apart: path-style bucket and key, decoded query, and headers by lower-case name. */
export interface S3Request {
  readonly id: string
  readonly method: string
  /** Empty for the service itself. */
  readonly bucket: string
  /** Empty for the bucket itself. */
  readonly key: string
  readonly rawPath: string
  readonly query: ReadonlyMap<string, string>
  /** Includes the `x-amz-` query parameters of a presigned URL, which S3 treats as headers. */
  readonly headers: ReadonlyMap<string, string>
  readonly message: IncomingMessage
  readonly response: ServerResponse
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidArgument', 'The URL is not validly encoded')
  }
}

const parseQuery = (text: string): Map<string, string> => {
  const query = new Map<string, string>()
  for (const pair of text.split('&').filter((part) => part !== '')) {
    const at = pair.indexOf('=')
    const name = at < 0 ? pair : pair.slice(0, at)
    query.set(
      decode(name.replaceAll('+', ' ')),
      at < 0 ? '' : decode(pair.slice(at + 1).replaceAll('+', ' ')),
    )
  }
  return query
}

/** Takes a request apart. Keys keep their slashes as they are: `a//b` and `a/b` are different objects. */
export const parseRequest = (id: string, message: IncomingMessage, response: ServerResponse): S3Request => {
  const url = message.url ?? '/'
  const questionMark = url.indexOf('?')
  const rawPath = questionMark < 0 ? url : url.slice(0, questionMark)
  const query = parseQuery(questionMark < 0 ? '' : url.slice(questionMark + 1))
  const path = decode(rawPath.slice(1))
  const slash = path.indexOf('/')
  const headers = new Map<string, string>()
  if (query.has('X-Amz-Signature')) {
    for (const [name, value] of query) headers.set(name.toLowerCase(), value)
  }
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(',') : value)
  }
  const key = slash < 0 ? '' : path.slice(slash + 1)
  if (Buffer.byteLength(key) > 1024) throw new S3Error('KeyTooLongError', 'Your key is too long')
  return {
    id,
    method: message.method ?? 'GET',
    bucket: slash < 0 ? path : path.slice(0, slash),
    key,
    rawPath,
    query,
    headers,
    message,
    response,
  }
}

/** A whole, non-negative number from a header or a parameter, or undefined when it is absent. */
export const wholeNumber = (text: string | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new S3Error('InvalidArgument', `${name} must be a whole number`)
  return Number(text)
}
