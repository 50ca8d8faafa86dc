import * as z from 'zod/mini'
import type { DocumentPages } from '../catalog/document-pages.ts'
import type { Clock } from '../clock.ts'
import type { UserKey } from '../ids.ts'
import { parseUserKey } from '../ids.ts'
import type { BatchResponse } from '../queue/batch.ts'
import type { CreatedObject } from '../queue/object-created.ts'
import { objectCreatedBody, parseObjectCreated } from '../queue/object-created.ts'
import { parseRowMessage } from '../queue/row-message.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { Enqueue, Message } from './enqueue.ts'

/** `short` is for what is done soon, `long` for large objects and for whoever has much on their way. */
type Lane = 'short' | 'long'

export interface SortDeps {
  readonly clock: Clock
  readonly documents: Pick<DocumentPages, 'countOfUser'>
  readonly lanes: Readonly<Record<Lane, Enqueue>>
  /** Workers of a lane. A user with a quarter of them on their way goes on in the long one. */
  readonly workers: number
  /** When each user was last given places in the short lane, epoch milliseconds: this process's memory. */
  readonly given: Map<UserKey, readonly number[]>
}

const batch = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })) })

const longestShortBytes = 32 * 1024 * 1024
/** What was put into the short lane so lately may not be seen in the index yet. */
const justNowMs = 5_000

interface Sorted extends Message {
  readonly lane: Lane
  readonly messageId: string
}

/**
 * Puts what arrived in the intake bucket into one of two lanes, so that nobody's burst and nobody's large
 * objects make the others wait: S3's notification can name no group, and order alone would not do, since
 * uploads that begin together hold all workers until the first ends.
 */
export async function sortArrivals(deps: SortDeps, event: unknown): Promise<BatchResponse> {
  forgetOld(deps)
  const onTheWay = countsOfUsers(deps)
  const sorted: Sorted[] = []
  const failed = new Set<string>()
  for (const record of batch.parse(event).Records) {
    try {
      for (const message of messagesOf(deps, record.body))
        sorted.push({ ...message, lane: await laneOf(deps, message, onTheWay), messageId: record.messageId })
    } catch (error) {
      logger.error('A queue message could not be sorted; it comes back.', {
        messageId: record.messageId,
        ...errorFields(error),
      })
      failed.add(record.messageId)
    }
  }
  for (const lane of ['short', 'long'] as const) {
    const messages = sorted.filter((one) => one.lane === lane && !failed.has(one.messageId))
    if (messages.length === 0) continue
    // What was sent all the same is sorted twice, and its second delivery finds nothing to do.
    const refused = await deps.lanes[lane](messages).catch((error: unknown) => {
      logger.error('A lane takes no messages; they come back.', { lane, ...errorFields(error) })
      return [...messages.keys()]
    })
    for (const index of refused) failed.add(messages[index]?.messageId ?? '')
  }
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) }
}

interface Arrived extends Message {
  readonly object?: CreatedObject
}

function messagesOf({ clock }: SortDeps, body: string): Arrived[] {
  const row = parseRowMessage(body)
  if (row) return [{ body, group: row.userKey }]
  return parseObjectCreated(body).map((object) => {
    const group = parseUserKey(object.key.split('/', 1)[0] ?? '')
    return { object, body: objectCreatedBody(object, clock.now()), ...(group ? { group } : {}) }
  })
}

async function laneOf(
  { clock, given, workers }: SortDeps,
  { object, group }: Arrived,
  onTheWay: (userKey: UserKey, share: number) => Promise<number>,
): Promise<Lane> {
  if ((object?.size ?? 0) > longestShortBytes) return 'long'
  if (group === undefined) return 'short'
  const share = Math.max(1, Math.floor(workers / 4))
  const lately = given.get(group) ?? []
  if (lately.length >= share || (await onTheWay(group, share)) >= share) return 'long'
  given.set(group, [...lately, clock.now()])
  return 'short'
}

/** One count a user and batch. One that cannot be had now keeps nobody waiting. */
function countsOfUsers({ documents }: SortDeps) {
  const counts = new Map<UserKey, Promise<number>>()
  return (userKey: UserKey, share: number): Promise<number> => {
    const count =
      counts.get(userKey) ??
      documents.countOfUser(userKey, 's#', share).catch((error: unknown) => {
        logger.warn('What a user has on their way could not be counted.', errorFields(error))
        return 0
      })
    counts.set(userKey, count)
    return count
  }
}

function forgetOld({ clock, given }: SortDeps): void {
  for (const [userKey, times] of given) {
    const lately = times.filter((at) => clock.now() - at < justNowMs)
    if (lately.length === 0) given.delete(userKey)
    else given.set(userKey, lately)
  }
}
