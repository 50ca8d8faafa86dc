import * as z from 'zod/mini'
import type { DrivewayEvent, EventBus } from '../telemetry/events.ts'
import { eventsAtOnce } from '../telemetry/events.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { eventOf, sequenceNumberOf } from './change-event.ts'

export interface TellDeps {
  readonly bus: EventBus
}

/** Which record Lambda has to come back with: that one and all after it, so that their order holds. */
export interface TellResponse {
  batchItemFailures: { itemIdentifier: string }[]
}

interface Untold {
  readonly sequenceNumber: string
  readonly event: DrivewayEvent
}

const batch = z.object({ Records: z.array(z.unknown()) })

/**
 * Tells the events of a batch of writes to the bus, in their order. At the first that cannot be told it stops
 * and answers where; what is sent again then has the same `eventId`.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export async function tell(deps: TellDeps, lambdaEvent: unknown): Promise<TellResponse> {
  const { untold, unread } = read(batch.parse(lambdaEvent).Records)
  const failed = (await send(deps.bus, untold)) ?? unread
  return { batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed }] }
}

/** The events of the records, up to the first record that cannot be read. */
function read(records: readonly unknown[]): { untold: readonly Untold[]; unread: string | undefined } {
  const untold: Untold[] = []
  for (const raw of records) {
    const sequenceNumber = sequenceNumberOf(raw)
    try {
      const event = eventOf(raw)
      if (event !== undefined) untold.push({ sequenceNumber, event })
    } catch (error) {
      logger.error('A changed row could not be read; its event waits', {
        sequenceNumber,
        ...errorFields(error),
      })
      return { untold, unread: sequenceNumber }
    }
  }
  return { untold, unread: undefined }
}

/** Answers the first that the bus has not taken, if any. */
async function send(bus: EventBus, untold: readonly Untold[]): Promise<string | undefined> {
  for (let at = 0; at < untold.length; at += eventsAtOnce) {
    const group = untold.slice(at, at + eventsAtOnce)
    const taken = await bus.put(group.map(({ event }) => event)).catch((error: unknown) => {
      logger.error('The event bus could not be reached; events wait', errorFields(error))
      return []
    })
    const first = group.find((_, place) => taken[place] !== true)
    if (first !== undefined) return first.sequenceNumber
  }
  return undefined
}
