import { openapiDocument } from '../lib/contract/openapi/document.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Answers the OpenAPI document of this very deployment. */
export const handler = httpHandler(routes.getOpenapi, async () => ({
  status: 200,
  headers: { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' },
  body: openapiDocument({ serverUrl: process.env['PUBLIC_URL'] ?? '' }),
}))
