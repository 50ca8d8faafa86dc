import { openCallback } from '../lib/compose.ts'
import { handleCallback } from '../lib/connections/callback.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Takes the browser back from the provider. It is public, and guarded by its single-use state. */
export const handler = httpHandler(routes.oauthCallback, async ({ query }) => {
  const { state, code, error } = query
  const answer = await handleCallback(openCallback(), { state, code, error })
  switch (answer.kind) {
    case 'redirect':
      return { status: 302, headers: { location: answer.location } }
    case 'page':
      return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, text: answer.html }
  }
})
