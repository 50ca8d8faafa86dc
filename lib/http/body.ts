import type { MiddlewareObj } from '@middy/core'
import { maxInlineBytes, maxJsonBytes } from '../contract/limits.ts'
import type { Route } from '../contract/route.ts'
import { ServiceError } from '../errors.ts'
import type { ChainContext, GatewayEvent, GatewayResult } from './request.ts'

/** The size that base64 or text stands for, without decoding it. */
function byteLength(event: GatewayEvent): number {
  if (event.body === null || event.body === undefined) return 0
  return Buffer.byteLength(event.body, event.isBase64Encoded ? 'base64' : 'utf8')
}

function tooLarge(event: GatewayEvent): ServiceError {
  const documentId = event.pathParameters?.['documentId'] ?? ''
  return new ServiceError(
    'payload_too_large',
    `The body is larger than ${maxInlineBytes} bytes. Upload it through the intake.`,
    {
      context: { links: { intake: `/v1/documents/${documentId}/intake` } },
    },
  )
}

const forms = /^(?:multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)/i

/**
 * What would be stored as something else than the document. A part taken for the whole is how files get cut.
 * https://www.rfc-editor.org/rfc/rfc9110#section-14.5
 */
function refuseWrapped(headers: ChainContext['driveway']['headers']): void {
  if (headers['content-range'] !== undefined)
    throw new ServiceError(
      'invalid_request',
      'header content-range: a document is stored whole; send all its bytes, without this header',
    )
  const encoding = headers['content-encoding'] ?? 'identity'
  if (!/^\s*(?:identity)?\s*$/i.test(encoding))
    throw new ServiceError(
      'unsupported_media_type',
      'Send the bytes of the document as they are to be stored, without Content-Encoding.',
    )
  if (forms.test(headers['content-type']?.trim() ?? ''))
    throw new ServiceError(
      'unsupported_media_type',
      'Send the bytes of the document themselves as the body, with its own Content-Type, and no form.',
    )
}

function parseJson(bytes: Buffer, optional: boolean): unknown {
  if (bytes.length > maxJsonBytes)
    throw new ServiceError('invalid_request', `body: must have at most ${maxJsonBytes} bytes of JSON`)
  if (bytes.length === 0) {
    if (optional) return {}
    throw new ServiceError(
      'invalid_request',
      'body: is missing; send JSON with Content-Type: application/json',
    )
  }
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new ServiceError('invalid_request', 'body: is not valid JSON')
  }
}

function parseForm(bytes: Buffer): unknown {
  if (bytes.length > maxJsonBytes) throw new ServiceError('invalid_request', 'body: the form is too large')
  return Object.fromEntries(new URLSearchParams(bytes.toString('utf8')))
}

/** Decodes the body as its route says: none, JSON, a form, or raw bytes with the inline cap. */
export function requestBody(route: Route): MiddlewareObj<GatewayEvent, GatewayResult, Error, ChainContext> {
  return {
    before({ event, context }) {
      const size = byteLength(event)
      if (route.body.kind === 'none') {
        if (size > 0) throw new ServiceError('invalid_request', 'body: this request takes none')
        return
      }
      if (route.body.kind === 'bytes') refuseWrapped(context.driveway.headers)
      if (route.body.kind === 'bytes' && size > maxInlineBytes) throw tooLarge(event)
      const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
      const { input } = context.driveway
      if (route.body.kind === 'json') input['body'] = parseJson(bytes, route.body.optional === true)
      else input['body'] = route.body.kind === 'form' ? parseForm(bytes) : bytes
    },
  }
}
