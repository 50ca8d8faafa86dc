import type { Announcement } from '../intake/announce.ts'
import type { Handled, QueueMessage } from './batch.ts'
import { parseIntakeMessage } from './intake-event.ts'

/**
 * Hands every object that a message announces to `ingest`, one after the other; the message comes back when one of them has to,
 * since doing the others again changes nothing.
 */
export async function ingestMessage(
  message: QueueMessage,
  ingest: (object: Announcement, messageId: string) => Promise<Handled>,
): Promise<Handled> {
  const waits: number[] = []
  for (const object of parseIntakeMessage(message.body)) {
    const handled = await ingest(object, message.messageId)
    if (handled.kind === 'again') waits.push(handled.afterSeconds)
  }
  return waits.length === 0 ? { kind: 'done' } : { kind: 'again', afterSeconds: Math.min(...waits) }
}
