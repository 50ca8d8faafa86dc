import type { FunctionName } from '../lib/contract/routes.ts'

/** A function's module: its handler, and one for any other process. */
type Load = () => Promise<{
  readonly handler: unknown
  readonly handlerIn: (composition: never) => unknown
}>

/** Every function's handler as Lambda would load it, on its first call. */
export const handlers: Readonly<Record<FunctionName, Load>> = {
  'authorize-request': () => import('../functions/authorize-request.ts'),
  'begin-erasure': () => import('../functions/begin-erasure.ts'),
  'cancel-upload': () => import('../functions/cancel-upload.ts'),
  'check-health': () => import('../functions/check-health.ts'),
  'complete-connection': () => import('../functions/complete-connection.ts'),
  'complete-upload': () => import('../functions/complete-upload.ts'),
  'create-content-link': () => import('../functions/create-content-link.ts'),
  'create-download-url': () => import('../functions/create-download-url.ts'),
  'create-upload-url': () => import('../functions/create-upload-url.ts'),
  'create-webhook': () => import('../functions/create-webhook.ts'),
  'delete-connection': () => import('../functions/delete-connection.ts'),
  'delete-document': () => import('../functions/delete-document.ts'),
  'delete-webhook': () => import('../functions/delete-webhook.ts'),
  'deliver-webhook': () => import('../functions/deliver-webhook.ts'),
  'erase-users': () => import('../functions/erase-users.ts'),
  'follow-drives': () => import('../functions/follow-drives.ts'),
  'export-user': () => import('../functions/export-user.ts'),
  'get-connection': () => import('../functions/get-connection.ts'),
  'get-document': () => import('../functions/get-document.ts'),
  'get-erasure': () => import('../functions/get-erasure.ts'),
  'get-openapi': () => import('../functions/get-openapi.ts'),
  'get-upload': () => import('../functions/get-upload.ts'),
  'ingest-object': () => import('../functions/ingest-object.ts'),
  'keep-alive': () => import('../functions/keep-alive.ts'),
  'list-connections': () => import('../functions/list-connections.ts'),
  'list-deliveries': () => import('../functions/list-deliveries.ts'),
  'list-documents': () => import('../functions/list-documents.ts'),
  'list-webhooks': () => import('../functions/list-webhooks.ts'),
  'oauth-callback': () => import('../functions/oauth-callback.ts'),
  'open-content-link': () => import('../functions/open-content-link.ts'),
  'pack-grants': () => import('../functions/pack-grants.ts'),
  'password-page': () => import('../functions/password-page.ts'),
  'put-document': () => import('../functions/put-document.ts'),
  'reauthorize-connection': () => import('../functions/reauthorize-connection.ts'),
  'rename-document': () => import('../functions/rename-document.ts'),
  'resend-delivery': () => import('../functions/resend-delivery.ts'),
  'rotate-webhook-secret': () => import('../functions/rotate-webhook-secret.ts'),
  'sign-parts': () => import('../functions/sign-parts.ts'),
  'sort-intake': () => import('../functions/sort-intake.ts'),
  'start-connection': () => import('../functions/start-connection.ts'),
  'start-intake': () => import('../functions/start-intake.ts'),
  'stat-document': () => import('../functions/stat-document.ts'),
  'sweep-transfers': () => import('../functions/sweep-transfers.ts'),
  tell: () => import('../functions/tell.ts'),
  'test-webhook': () => import('../functions/test-webhook.ts'),
}
