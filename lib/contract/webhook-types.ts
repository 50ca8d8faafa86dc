/** What each event of the bus is called in a webhook. */
export const webhookTypes = {
  'Document Stored': 'document.stored',
  'Document Failed': 'document.failed',
  'Document Parked': 'document.parked',
  'Document Deleted': 'document.deleted',
  'Document Changed': 'document.changed',
  'Connection Activated': 'connection.activated',
  'Connection Requires Reauth': 'connection.requires_reauth',
  'Connection Disconnected': 'connection.disconnected',
  'Intake Rejected': 'intake.rejected',
  'User Erased': 'user.erased',
} as const

export type WebhookType = (typeof webhookTypes)[keyof typeof webhookTypes]
export const allWebhookTypes: readonly WebhookType[] = Object.values(webhookTypes)

/** What is sent on demand, whatever an endpoint wants. */
export const testType = 'webhook.test'

/** Webhooks that a deployment may have, and how many hours an old secret still signs. */
export const mostWebhooks = 20
export const overlapHours = 24
/** Days that a delivery can be looked at and sent again. */
export const deliveryDays = 30
