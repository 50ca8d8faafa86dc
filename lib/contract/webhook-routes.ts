import type { Route } from './route.ts'
import { alwaysErrors as always, plain } from './route-parts.ts'
import * as schemas from './webhook-schemas.ts'

const ofApp = { ...plain, access: 'machine', scope: 'webhooks' } as const
const ofWebhook = { ...ofApp, pathParameters: schemas.webhookPath } as const

/** Webhooks: where events go that the app's servers hear of over HTTP. */
export const webhookRoutes = {
  createWebhook: {
    ...ofApp,
    operation: 'createWebhook',
    functionName: 'create-webhook',
    methods: ['POST'],
    path: '/v1/webhooks',
    summary: 'Register an endpoint for events, signed as the Standard Webhooks specification says.',
    body: { kind: 'json', schema: schemas.webhookBody },
    answers: [{ status: 201, description: 'It is told from now on.', schema: schemas.webhookAnswer }],
    errors: [...always, 'rate_limited'],
  },
  listWebhooks: {
    ...ofApp,
    operation: 'listWebhooks',
    functionName: 'list-webhooks',
    methods: ['GET'],
    path: '/v1/webhooks',
    summary: 'The deployment’s webhooks.',
    answers: [{ status: 200, description: 'All of them.', schema: schemas.webhooksAnswer }],
    errors: always,
  },
  deleteWebhook: {
    ...ofWebhook,
    operation: 'deleteWebhook',
    functionName: 'delete-webhook',
    methods: ['DELETE'],
    path: '/v1/webhooks/{webhookId}',
    summary: 'Remove a webhook; what is on its way to it is not sent.',
    answers: [{ status: 204, description: 'It is not there.' }],
    errors: always,
  },
  rotateWebhookSecret: {
    ...ofWebhook,
    operation: 'rotateWebhookSecret',
    functionName: 'rotate-webhook-secret',
    methods: ['POST'],
    path: '/v1/webhooks/{webhookId}/rotate-secret',
    summary: 'Another secret. Both sign for 24 hours.',
    answers: [{ status: 200, description: 'The new secret.', schema: schemas.secretAnswer }],
    errors: [...always, 'not_found'],
  },
  testWebhook: {
    ...ofWebhook,
    operation: 'testWebhook',
    functionName: 'test-webhook',
    methods: ['POST'],
    path: '/v1/webhooks/{webhookId}/test',
    summary: 'Send webhook.test.',
    answers: [{ status: 202, description: 'It is on its way.' }],
    errors: [...always, 'not_found'],
  },
  listDeliveries: {
    ...ofWebhook,
    operation: 'listDeliveries',
    functionName: 'list-deliveries',
    methods: ['GET'],
    path: '/v1/webhooks/{webhookId}/deliveries',
    summary: 'What was sent, tried and given up within 30 days, a page at a time.',
    query: schemas.deliveriesQuery,
    answers: [
      {
        status: 200,
        description: 'A page; nextCursor when there is more.',
        schema: schemas.deliveriesAnswer,
      },
    ],
    errors: [...always, 'not_found'],
  },
  resendDelivery: {
    ...ofWebhook,
    operation: 'resendDelivery',
    functionName: 'resend-delivery',
    methods: ['POST'],
    path: '/v1/webhooks/{webhookId}/deliveries/{eventId}/resend',
    summary: 'Send a delivery again, with the same id.',
    pathParameters: schemas.deliveryPath,
    answers: [{ status: 202, description: 'It is on its way.' }],
    errors: [...always, 'not_found'],
  },
} as const satisfies Record<string, Route>
