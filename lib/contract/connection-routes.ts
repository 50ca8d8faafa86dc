import type { Route } from './route.ts'
import { alwaysErrors as always, ofConnection, plain, providerErrors as provider } from './route-parts.ts'
import * as schemas from './schemas.ts'
import { health } from './views.ts'

/** Connections: connect, look, check, reconnect, disconnect. */
export const connectionRoutes = {
  startConnection: {
    ...plain,
    operation: 'startConnection',
    functionName: 'start-connection',
    methods: ['POST'],
    path: '/v1/connections',
    scope: 'connections.write',
    summary:
      'Start connecting a drive. An s3 connection is active at once; for a cloud drive send the user to authorizationUrl.',
    body: { kind: 'json', schema: schemas.startConnectionBody },
    answers: [{ status: 201, description: 'The connection has begun.', schema: schemas.authorizationAnswer }],
    errors: [...always, 'provider_not_configured', 'rate_limited'],
  },
  oauthCallback: {
    ...plain,
    operation: 'oauthCallback',
    functionName: 'oauth-callback',
    methods: ['GET'],
    path: '/v1/oauth/callback',
    access: 'public',
    summary: 'Where the provider sends the browser after consent. Not for API clients.',
    query: schemas.callbackQuery,
    answers: [
      {
        status: 302,
        description: 'Back to the app’s returnUrl, with connectionId and completionCode, or with error.',
        headers: { location: 'The returnUrl.' },
      },
      {
        status: 200,
        description: 'No returnUrl was given: a page that shows the completion code, or what went wrong.',
        mediaType: 'text/html',
      },
    ],
    errors: ['invalid_request', 'provider_error', 'provider_unavailable', 'internal_error'],
  },
  completeConnection: {
    ...ofConnection,
    operation: 'completeConnection',
    functionName: 'complete-connection',
    methods: ['POST'],
    path: '/v1/connections/{connectionId}/complete',
    scope: 'connections.write',
    summary: 'Finish connecting with the completion code. Only the user who started can.',
    body: { kind: 'json', schema: schemas.completeConnectionBody },
    answers: [{ status: 200, description: 'The connection is active.', schema: schemas.connectionAnswer }],
    errors: [...always, ...provider, 'account_mismatch'],
  },
  listConnections: {
    ...plain,
    operation: 'listConnections',
    functionName: 'list-connections',
    methods: ['GET'],
    path: '/v1/connections',
    scope: 'connections.read',
    summary: 'The user’s connections.',
    answers: [{ status: 200, description: 'All of them.', schema: schemas.connectionsAnswer }],
    errors: always,
  },
  getConnection: {
    ...ofConnection,
    operation: 'getConnection',
    functionName: 'get-connection',
    methods: ['GET'],
    path: '/v1/connections/{connectionId}',
    scope: 'connections.read',
    summary: 'One connection.',
    answers: [{ status: 200, description: 'The connection.', schema: schemas.connectionAnswer }],
    errors: [...always, 'connection_not_found'],
  },
  reauthorizeConnection: {
    ...ofConnection,
    operation: 'reauthorizeConnection',
    functionName: 'reauthorize-connection',
    methods: ['POST'],
    path: '/v1/connections/{connectionId}/reauthorize',
    scope: 'connections.write',
    summary: 'Connect again in place, with the same account.',
    body: { kind: 'json', schema: schemas.reauthorizeBody, optional: true },
    answers: [
      { status: 200, description: 'Send the user to authorizationUrl.', schema: schemas.authorizationAnswer },
    ],
    errors: [...always, 'connection_not_found', 'provider_not_configured'],
  },
  checkHealth: {
    ...ofConnection,
    operation: 'checkHealth',
    functionName: 'check-health',
    methods: ['GET'],
    path: '/v1/connections/{connectionId}/health',
    scope: 'connections.read',
    summary: 'Health check: does the provider answer for this connection, and how much space is there?',
    answers: [
      {
        status: 200,
        description: 'Healthy or not; a provider that is down is no error here.',
        schema: health,
      },
    ],
    errors: [...always, 'connection_not_found'],
  },
  deleteConnection: {
    ...ofConnection,
    operation: 'deleteConnection',
    functionName: 'delete-connection',
    methods: ['DELETE'],
    path: '/v1/connections/{connectionId}',
    scope: 'connections.write',
    summary:
      'Disconnect: the grant is revoked where the provider can, the secret is deleted, the user’s files stay.',
    answers: [{ status: 204, description: 'Disconnected.' }],
    errors: [...always, 'connection_not_found'],
  },
} as const satisfies Record<string, Route>
