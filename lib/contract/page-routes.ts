import type { Route } from './route.ts'
import { plain } from './route-parts.ts'
import * as schemas from './schemas.ts'

/** Pages of a deployment for people. The HTTP API's document and clients do not know them. */
export const pageRoutes = {
  passwordPage: {
    ...plain,
    operation: 'passwordPage',
    functionName: 'password-page',
    methods: ['GET', 'POST'],
    path: '/v1/password',
    access: 'public',
    summary: 'Where a user types an app password: stands where other providers have a consent page.',
    query: schemas.passwordPageQuery,
    body: { kind: 'form', schema: schemas.passwordForm },
    answers: [
      {
        status: 200,
        description: 'The form, or a page that shows the completion code.',
        mediaType: 'text/html',
      },
      {
        status: 302,
        description: 'Back to the app’s returnUrl, with connectionId and completionCode, or with error.',
        headers: { location: 'The returnUrl.' },
      },
    ],
    errors: ['invalid_request', 'provider_unavailable', 'internal_error'],
  },
} as const satisfies Record<string, Route>
