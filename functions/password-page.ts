import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { passwordPage } from '../lib/connections/password-page.ts'
import { pageRoutes } from '../lib/contract/page-routes.ts'
import { browserAnswer } from '../lib/http/browser-answer.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Asks for an app password. It is public, and guarded by its single-use state, as the callback is. */
export const handlerIn = (composition: Composition) =>
  httpHandler(pageRoutes.passwordPage, composition, async ({ method, query, body, signal }) => {
    const typed = method === 'POST' ? body : undefined
    const answer = await passwordPage(composition, { state: query.state, typed, signal })
    return browserAnswer(answer)
  })

export const handler = handlerIn(thisProcess)
