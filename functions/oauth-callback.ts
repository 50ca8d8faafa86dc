import type { Composition } from '../lib/compose/composition.ts'
import { openCallback } from '../lib/compose/connections.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { handleCallback } from '../lib/connections/callback.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Takes the browser back from the provider. It is public, and guarded by its single-use state. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.oauthCallback, composition, async ({ query }) => {
    const { state, code, error } = query
    const answer = await handleCallback(openCallback(composition), { state, code, error })
    switch (answer.kind) {
      case 'redirect':
        return { status: 302, headers: { location: answer.location } }
      case 'page':
        return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, text: answer.html }
    }
  })

export const handler = handlerIn(thisProcess)
