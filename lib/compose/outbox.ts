import { required } from '../contract/env.ts'
import type { TellDeps } from '../outbox/tell.ts'
import { eventBridgeBus } from '../telemetry/events.ts'
import type { Composition } from './composition.ts'

/** For telling what rows say has happened. */
export function openTell({ settings, outside }: Composition): TellDeps {
  return { bus: eventBridgeBus(outside.events, required(settings, 'EVENT_BUS')) }
}
