import { isDeepStrictEqual } from 'node:util'
import { events } from '../../lib/contract/events.ts'
import { webhookTypes } from '../../lib/contract/webhook-types.ts'

/** A provider that a test has made up is in no registry but that of its own tree. */
const isOfMadeUp = ([field]: readonly PropertyKey[], detail: unknown): boolean =>
  field === 'provider' && madeUp.has(String((detail as { readonly provider?: unknown }).provider))
const madeUp: ReadonlySet<string> = new Set(['cloud-box', 'shelf'])

/** In what an event that was told is not as its schema says, unknown fields included; empty when it fits. */
export function eventFaults(type: string, detail: unknown): string[] {
  const [, schema] = Object.entries(events).find(([name]) => name === type) ?? []
  if (schema === undefined) return [`there is no event ${type}`]
  const parsed = schema.safeParse(detail)
  if (!parsed.success)
    return parsed.error.issues
      .filter(({ path }) => !isOfMadeUp(path, detail))
      .map(({ path, message }) => `${type}: ${path.join('.')}: ${message}`)
  return isDeepStrictEqual(parsed.data, detail) ? [] : [`${type} says more than its schema`]
}

/** The event, which fits its schema. */
export function fitting<Event extends { readonly type: string; readonly detail: unknown }>(
  event: Event,
): Event {
  const faults = eventFaults(event.type, event.detail)
  if (faults.length > 0) throw new Error(`${faults.join('\n')}\n${JSON.stringify(event)}`)
  return event
}

/** The same of the body of a delivery. */
export function deliveryFaults(body: string): string[] {
  const { type, timestamp, data } = JSON.parse(body) as Readonly<Record<string, unknown>>
  const [name = String(type)] = Object.entries(webhookTypes).find(([, known]) => known === type) ?? []
  const { occurredAt } = data as Readonly<Record<string, unknown>>
  return [...eventFaults(name, data), ...(timestamp === occurredAt ? [] : [`${name} has another timestamp`])]
}
