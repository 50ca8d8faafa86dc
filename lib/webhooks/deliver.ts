import * as z from 'zod/mini'
import type { Delivery, DeliveryStore, Told, Webhook, WebhookStore } from '../catalog/webhooks.ts'
import type { Clock } from '../clock.ts'
import { isServiceError } from '../errors.ts'
import type { SendRequest } from '../net/http-client.ts'
import type { Reach } from '../net/reach.ts'
import type { Handled } from '../queue/batch.ts'
import type { Sealer } from '../secret.ts'
import { logger } from '../telemetry/logger.ts'
import { signedHeaders } from './sign.ts'

export interface DeliverDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly webhooks: WebhookStore
  readonly deliveries: DeliveryStore
  readonly sealer: Sealer
  readonly send: SendRequest
  readonly reach: Reach
}

/** A delivery that begins, or one whose row stands. */
const message = z.object({
  webhookId: z.string(),
  eventId: z.string(),
  userKey: z.exactOptional(z.string()),
  type: z.exactOptional(z.string()),
  body: z.exactOptional(z.string()),
})

/** Seconds from each failed attempt to the next: a day in all. */
const pauses: readonly number[] = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 36_000]
const answerWithinMs = 15_000
const done: Handled = { kind: 'done' }

/**
 * Makes one attempt when it is due. The row decides, so a message that comes again, or too early, sends
 * nothing twice. Two at the same moment do, and a process that dies right after it has sent: both times
 * with the same id.
 */
export async function deliver(deps: DeliverDeps, text: string): Promise<Handled> {
  const told = message.parse(JSON.parse(text))
  const webhook = await deps.webhooks.get(told.webhookId)
  if (webhook === undefined) return done
  const row = isWhole(told)
    ? await deps.deliveries.begin(told)
    : await deps.deliveries.get(told.webhookId, told.eventId)
  if (row?.status !== 'pending') return done
  if (webhook.status !== 'active') {
    await deps.deliveries.change(row, { status: 'dead' })
    return done
  }
  const waitMs = row.nextAt - deps.clock.now()
  if (waitMs > 0) return { kind: 'again', afterSeconds: waitMs / 1000 }
  return await record(deps, webhook, row, await attempt(deps, webhook, row))
}

const isWhole = (told: z.output<typeof message>): told is Told =>
  told.type !== undefined && told.body !== undefined

/** The status of the answer; 0 when there is none, or when the address is somebody's inside by now. */
async function attempt(deps: DeliverDeps, webhook: Webhook, { eventId, body }: Delivery): Promise<number> {
  const { clock, sealer, send, reach } = deps
  const now = clock.now()
  const sealed = [
    webhook.secret,
    ...(webhook.before && webhook.before.until > now ? [webhook.before.secret] : []),
  ]
  const secrets = await Promise.all(sealed.map((each) => sealer.open(each, 'webhook secret', webhook.id)))
  const headers = {
    ...signedHeaders(eventId, body, secrets, now),
    'content-type': 'application/json',
    'user-agent': 'driveway-webhooks',
  }
  try {
    const answer = await send({
      method: 'POST',
      url: webhook.url,
      headers,
      body: Buffer.from(body),
      reach,
      timeouts: { answer: answerWithinMs },
      signal: AbortSignal.timeout(answerWithinMs),
    })
    answer.body.destroy()
    return answer.status
  } catch (error) {
    if (!isServiceError(error)) throw error
    return 0
  }
}

async function record(
  deps: DeliverDeps,
  webhook: Webhook,
  row: Delivery,
  answered: number,
): Promise<Handled> {
  const attempts = row.attempts + 1
  if (answered >= 200 && answered < 300) {
    await deps.deliveries.change(row, { status: 'delivered', attempts, answered })
    return done
  }
  // The endpoint says that it is gone for good.
  if (answered === 410) await deps.webhooks.change(webhook, { status: 'disabled' })
  const pause = answered === 410 ? undefined : pauses[row.attempts]
  if (pause === undefined) {
    await deps.deliveries.change(row, { status: 'dead', attempts, answered })
    logger.warn('A webhook delivery was given up', { webhookId: webhook.id, eventId: row.eventId, answered })
    return done
  }
  const afterSeconds = pause * (1 + deps.random() / 10)
  const nextAt = Math.ceil(deps.clock.now() + afterSeconds * 1000)
  const changed = await deps.deliveries.change(row, { attempts, answered, nextAt })
  // Changed by another delivery of the same message, or sent again by hand: the row says when.
  return { kind: 'again', afterSeconds: changed === undefined ? 1 : afterSeconds }
}
