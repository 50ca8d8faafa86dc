import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { handleCallback } from '../lib/connections/callback.ts'
import { routes } from '../lib/contract/routes.ts'
import { browserAnswer } from '../lib/http/browser-answer.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Takes the browser back from the provider. It is public, and guarded by its single-use state. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.oauthCallback, composition, async ({ query }) =>
    browserAnswer(await handleCallback(composition, query)),
  )

export const handler = handlerIn(thisProcess)
