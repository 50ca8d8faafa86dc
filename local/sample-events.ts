import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod/mini'
import { eventWords } from '../lib/contract/openapi/webhooks.ts'
import { webhookTypes } from '../lib/contract/webhook-types.ts'
import { readJson, sendJson } from './http.ts'
import type { IdentityProvider } from './identity-provider.ts'

type EventType = keyof typeof webhookTypes

const wanted = z.object({ type: z.string() })
const listed = z.object({
  webhooks: z.array(z.object({ id: z.string(), status: z.string(), types: z.optional(z.array(z.string())) })),
})

/**
 * `POST /local/sample-event` `{type}`, a webhook's: tells bus and webhooks an example of an event that
 * nothing has made true, marked by its `eventId`. Answers false for any other path.
 */
export function sampleEvents(identity: Pick<IdentityProvider, 'mintMachine'>, own: string) {
  const interested = async (type: string): Promise<string[]> => {
    const token = await identity.mintMachine('local-samples', ['webhooks'])
    const answer = await fetch(`${own}/v1/webhooks`, { headers: { authorization: `Bearer ${token}` } })
    return listed
      .parse(await answer.json())
      .webhooks.filter(({ status, types }) => status === 'active' && (types?.includes(type) ?? true))
      .map(({ id }) => id)
  }
  return async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<boolean> => {
    if (req.method !== 'POST' || url.pathname !== '/local/sample-event') return false
    const body = wanted.safeParse(await readJson(req))
    const [name] = Object.entries(webhookTypes).find(([, type]) => type === body.data?.type) ?? []
    if (name === undefined) {
      sendJson(res, 400, { error: 'send {"type": "document.stored"}', types: Object.values(webhookTypes) })
      return true
    }
    const event = name as EventType
    const type = webhookTypes[event]
    const eventId = `sample-${randomUUID()}`
    const timestamp = new Date().toISOString()
    const data = { ...eventWords[event][1], eventId, occurredAt: timestamp }
    await tell(event, data, await interested(type), JSON.stringify({ type, timestamp, data }))
    sendJson(res, 200, { eventId })
    return true
  }
}

/** As `tell` does it: the bus first, then a message for each webhook. */
async function tell(
  event: EventType,
  detail: { readonly eventId: string },
  webhookIds: readonly string[],
  body: string,
): Promise<void> {
  const [{ EventBridgeClient, PutEventsCommand }, { SQSClient, SendMessageCommand }] = await Promise.all([
    import('@aws-sdk/client-eventbridge'),
    import('@aws-sdk/client-sqs'),
  ])
  const [bus, sqs] = [new EventBridgeClient({}), new SQSClient({})]
  try {
    const Detail = JSON.stringify(detail)
    const EventBusName = process.env['EVENT_BUS']
    const entry = { EventBusName, Source: 'driveway', DetailType: event, Detail }
    await bus.send(new PutEventsCommand({ Entries: [entry] }))
    const QueueUrl = process.env['WEBHOOKS_QUEUE_URL']
    for (const webhookId of webhookIds) {
      const told = { webhookId, eventId: detail.eventId, type: webhookTypes[event], body }
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(told) }))
    }
  } finally {
    bus.destroy()
    sqs.destroy()
  }
}
