import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { tell, type TellResponse } from '../lib/outbox/tell.ts'

/** The change streams hand over writes that made an event true; the event bus gets the events. */
export const handlerIn =
  (composition: Composition) =>
  (event: unknown): Promise<TellResponse> =>
    tell(composition, event)

export const handler = handlerIn(thisProcess)
