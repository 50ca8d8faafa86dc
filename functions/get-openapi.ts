import type { BareProcess } from '../lib/compose/bare-process.ts'
import { bareProcess } from '../lib/compose/bare-process.ts'
import { openapiDocument } from '../lib/contract/openapi/document.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Answers the OpenAPI document of this very deployment. */
export const handlerIn = (composition: BareProcess) =>
  httpHandler(routes.getOpenapi, composition, async () => ({
    status: 200,
    headers: { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' },
    body: openapiDocument({ serverUrl: composition.settings['PUBLIC_URL'] ?? '' }),
  }))

export const handler = handlerIn(bareProcess)
