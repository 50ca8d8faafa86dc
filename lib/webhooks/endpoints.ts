import type { Delivery, DeliveryStore, Told, Webhook, WebhookStore } from '../catalog/webhooks.ts'
import type { Clock } from '../clock.ts'
import type { WebhookType } from '../contract/webhook-types.ts'
import { mostWebhooks, overlapHours, testType } from '../contract/webhook-types.ts'
import { ServiceError } from '../errors.ts'
import type { NewId } from '../ids.ts'
import type { Reach } from '../net/reach.ts'
import { hostOf, lookupWithin, serverAddress } from '../net/reach.ts'
import type { Sealer, Secret } from '../secret.ts'
import { newWebhookSecret } from './sign.ts'

export interface EndpointDeps {
  readonly clock: Clock
  readonly newId: NewId
  readonly webhooks: WebhookStore
  readonly sealer: Sealer
  readonly reach: Reach
}

const changeTries = 5

/** Registers an endpoint; its secret is told this once. */
export async function createWebhook(
  deps: EndpointDeps,
  { url, types }: { readonly url: string; readonly types?: readonly WebhookType[] | undefined },
): Promise<{ readonly webhook: Webhook; readonly secret: Secret }> {
  const address = await endpointAddress(url, deps.reach)
  if ((await deps.webhooks.list()).length >= mostWebhooks)
    throw new ServiceError('rate_limited', `A deployment has at most ${String(mostWebhooks)} webhooks.`, {
      context: { limit: { policy: 'webhooks', quota: mostWebhooks }, retryAfterSeconds: 3600 },
    })
  const id = deps.newId()
  const secret = newWebhookSecret()
  const sealed = await deps.sealer.seal(secret, 'webhook secret', id)
  const webhook = await deps.webhooks.create({ id, url: address, secret: sealed, ...(types && { types }) })
  if (webhook === undefined)
    throw new ServiceError('internal_error', 'A webhook with this id exists already.')
  return { webhook, secret }
}

/**
 * The address in its normal form: of the internet, https, now and when it is called. A name that nobody knows
 * yet is taken, and looked up at each delivery.
 */
async function endpointAddress(typed: string, reach: Reach): Promise<string> {
  const url = URL.canParse(typed) ? new URL(typed) : undefined
  const query = url?.search ?? ''
  if (url) url.search = ''
  if (url === undefined || serverAddress(url.href, reach) === undefined || !(await isReachable(url, reach)))
    throw new ServiceError(
      'invalid_request',
      'body.url: must be an https address of the internet, without user, password and fragment',
    )
  return `${url.href}${query}`
}

/** False when every address of the name is somebody's inside. */
function isReachable(url: URL, reach: Reach): Promise<boolean> {
  return new Promise((resolve) => {
    lookupWithin(reach)(hostOf(url), {}, (error) =>
      // Resolvers have codes for what is not known; an address out of reach has none.
      resolve(error === null || 'code' in error),
    )
  })
}

/** `not_found` when there is none. */
export async function getWebhook(
  { webhooks }: { readonly webhooks: Pick<WebhookStore, 'get'> },
  id: string,
): Promise<Webhook> {
  const webhook = await webhooks.get(id)
  if (webhook) return webhook
  throw new ServiceError('not_found', `There is no webhook ${id}.`)
}

/** Another secret, told this once; the one before signs too for a day. */
export async function rotateSecret(deps: EndpointDeps, id: string): Promise<Secret> {
  for (let attempt = 1; attempt <= changeTries; attempt += 1) {
    const seen = await getWebhook(deps, id)
    const secret = newWebhookSecret()
    const until = deps.clock.now() + overlapHours * 3_600_000
    const changes = {
      secret: await deps.sealer.seal(secret, 'webhook secret', id),
      before: { secret: seen.secret, until },
    }
    if (await deps.webhooks.change(seen, changes)) return secret
  }
  throw new ServiceError('provider_unavailable', 'The webhook is changed by too many at once. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
  })
}

export interface SendDeps {
  readonly clock: Clock
  readonly newId: NewId
  readonly webhooks: Pick<WebhookStore, 'get'>
  readonly deliveries: DeliveryStore
  readonly enqueue: (
    messages: readonly (Told | Pick<Told, 'webhookId' | 'eventId'>)[],
  ) => Promise<readonly number[]>
}

/** Has a delivery sent that says nothing but that it is a test. */
export async function testWebhook(deps: SendDeps, id: string): Promise<void> {
  const webhook = await getWebhook(deps, id)
  const timestamp = new Date(deps.clock.now()).toISOString()
  const body = JSON.stringify({ type: testType, timestamp, data: { webhookId: webhook.id } })
  await enqueueOne(deps, { webhookId: id, eventId: deps.newId(), type: testType, body })
}

/** Sends a delivery again, from its first attempt on, whatever has become of it. */
export async function resendDelivery(deps: SendDeps, webhookId: string, eventId: string): Promise<void> {
  await getWebhook(deps, webhookId)
  for (let attempt = 1; attempt <= changeTries; attempt += 1) {
    const seen = await deps.deliveries.get(webhookId, eventId)
    if (seen === undefined)
      throw new ServiceError('not_found', `There is no delivery of ${eventId}, or it is too long ago.`)
    const again = { status: 'pending', attempts: 0, nextAt: deps.clock.now() } as const
    if (await deps.deliveries.change(seen, again)) return await enqueueOne(deps, { webhookId, eventId })
  }
  throw new ServiceError('provider_unavailable', 'The delivery is under way just now. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
  })
}

async function enqueueOne(
  { enqueue }: SendDeps,
  message: Told | Pick<Told, 'webhookId' | 'eventId'>,
): Promise<void> {
  if ((await enqueue([message])).length === 0) return
  throw new ServiceError('provider_unavailable', 'The queue takes no deliveries now. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
  })
}

const deliveriesPerPage = 100

/** A page of what was sent to an endpoint, tried and given up. A status filters the page: it may be short. */
export async function listDeliveries(
  deps: Pick<SendDeps, 'webhooks' | 'deliveries'>,
  id: string,
  {
    status,
    cursor,
  }: { readonly status?: Delivery['status'] | undefined; readonly cursor?: string | undefined },
) {
  await getWebhook(deps, id)
  const page = await deps.deliveries.list(id, deliveriesPerPage, cursor)
  const last = page.rows.at(-1)
  return {
    deliveries: page.rows
      .filter((row) => status === undefined || row.status === status)
      .map(({ eventId, type, status: is, attempts, answered, nextAt, createdAt, updatedAt }) => ({
        eventId,
        type,
        status: is,
        attempts,
        ...(answered === undefined ? {} : { answered }),
        ...(is === 'pending' ? { nextAttemptAt: new Date(nextAt).toISOString() } : {}),
        createdAt,
        updatedAt,
      })),
    ...(page.nextKey !== undefined && last !== undefined ? { nextCursor: last.eventId } : {}),
  }
}

export function presentWebhook({ id, url, types, status, createdAt, updatedAt }: Webhook) {
  return { id, url, ...(types === undefined ? {} : { types }), status, createdAt, updatedAt }
}
