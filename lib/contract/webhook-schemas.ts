import * as z from 'zod/mini'
import { time } from './fields.ts'
import { allWebhookTypes } from './webhook-types.ts'
import type { WebhookType } from './webhook-types.ts'
import { answer, part, request } from './words.ts'

/** What is asked and answered about webhooks. */

const id = z.string().check(z.regex(/^[A-Za-z0-9-]{1,64}$/, 'must be a webhook id'))
const eventId = z.string().check(z.minLength(1), z.maxLength(128))
const types = z
  .array(z.enum(allWebhookTypes as readonly [WebhookType, ...WebhookType[]]))
  .check(z.minLength(1, 'must name at least one type; leave it out for all'))
const deliveryStatus = z.enum(['pending', 'delivered', 'dead'])

export const webhookPath = z.strictObject({ webhookId: id })
export const deliveryPath = z.strictObject({ webhookId: id, eventId })
export const deliveriesQuery = z.strictObject({
  status: z.optional(deliveryStatus),
  cursor: z.optional(eventId),
})

export const webhookBody = request('WebhookBody', {
  url: [
    z.string().check(z.maxLength(2048, 'must have at most 2048 characters')),
    'Where events are sent: https, an address of the internet.',
  ],
  types: [z.optional(types), 'Which events; all of them when left out.'],
})

const webhook = part({
  id: [id, 'The webhook’s id.'],
  url: [z.string(), 'Where events are sent.'],
  types: [z.optional(z.array(z.string())), 'Which events; all of them when absent.'],
  status: [z.enum(['active', 'disabled']), 'disabled: its endpoint has answered 410.'],
  createdAt: [time, 'When it was registered.'],
  updatedAt: [time, 'When it last changed.'],
})
const secret = z.string()

export const webhookAnswer = answer('WebhookAnswer', {
  webhook: [webhook, 'The webhook.'],
  secret: [secret, 'What its deliveries are signed with. It is told this once.'],
})
export const webhooksAnswer = answer('WebhooksAnswer', { webhooks: [z.array(webhook), 'All of them.'] })
export const secretAnswer = answer('WebhookSecretAnswer', {
  secret: [secret, 'The new secret. The one before signs too for 24 hours.'],
})
export const deliveriesAnswer = answer('DeliveriesAnswer', {
  deliveries: [
    z.array(
      part({
        eventId: [z.string(), 'The event, and the delivery’s webhook-id.'],
        type: [z.string(), 'What it tells.'],
        status: [deliveryStatus, 'dead: it was tried for a day and given up.'],
        attempts: [z.int(), 'How often it was sent.'],
        answered: [z.optional(z.int()), 'The status of the last answer; 0 for none.'],
        nextAttemptAt: [z.optional(time), 'When it is sent next.'],
        createdAt: [time, 'When it was first to be sent.'],
        updatedAt: [time, 'When it last changed.'],
      }),
    ),
    'A page of them.',
  ],
  nextCursor: [z.optional(z.string()), 'The cursor of the next page; absent at the end.'],
})
