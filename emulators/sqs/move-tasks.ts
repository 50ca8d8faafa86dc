import { randomUUID } from 'node:crypto'
import { inTransaction } from '../database.ts'
import { AwsJsonError } from '../json-protocol.ts'
import { arnOf, nameOfArn, type QueueStore } from './queue-store.ts'

const notFound = (message: string): AwsJsonError =>
  new AwsJsonError('ResourceNotFoundException', message, { queryCode: 'ResourceNotFoundException' })

const isDeadLetterQueue = (store: QueueStore, arn: string): boolean =>
  store.listQueues('').some((queue) => store.settings(queue).redrive?.deadLetterArn === arn)

/**
 * Moves every visible message of a dead-letter queue to `destinationArn`, or back to the queue it came from.
 * Done at once, whatever rate was asked. A moved message is new: its id, age and receive count start again.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 * @returns the task's handle.
 */
export const moveMessages = (
  store: QueueStore,
  sourceArn: string,
  destinationArn: string | undefined,
): string => {
  const source = nameOfArn(sourceArn)
  if (arnOf(source) !== sourceArn || !store.has(source))
    throw notFound('The resource that you specified for the SourceArn parameter does not exist.')
  if (!isDeadLetterQueue(store, sourceArn))
    throw new AwsJsonError(
      'InvalidParameterValue',
      'Source queue must be configured as a Dead Letter Queue.',
      {
        queryCode: 'InvalidParameterValue',
      },
    )
  if (destinationArn !== undefined && !store.has(nameOfArn(destinationArn)))
    throw notFound('The resource that you specified for the DestinationArn parameter does not exist.')
  const now = store.clock()
  const targets = new Set<string>()
  const sequence = inTransaction(store.database, () => {
    const rows = store.database
      .prepare('SELECT sequence, dead_letter_source FROM messages WHERE queue = ? AND visible_at <= ?')
      .all(source, now)
    const move = store.database.prepare(
      `UPDATE messages SET queue = ?, message_id = ?, sent_at = ?, visible_at = ?, receives = 0, first_received_at = 0,
       receipt = NULL, dead_letter_source = NULL WHERE sequence = ?`,
    )
    let moved = 0
    for (const row of rows) {
      const origin = row['dead_letter_source']
      const target = destinationArn ?? (typeof origin === 'string' ? origin : undefined)
      if (target === undefined || !store.has(nameOfArn(target))) continue
      targets.add(nameOfArn(target))
      move.run(nameOfArn(target), randomUUID(), now, now, row['sequence'] ?? null)
      moved += 1
    }
    return store.database
      .prepare('INSERT INTO move_tasks (source_arn, destination_arn, moved, started_at) VALUES (?, ?, ?, ?)')
      .run(sourceArn, destinationArn ?? null, moved, now).lastInsertRowid
  })
  for (const target of targets) store.wake(target)
  return Buffer.from(JSON.stringify({ taskId: String(sequence), sourceArn })).toString('base64')
}

/** The last tasks of a dead-letter queue, newest first, in the shape of the API. */
export const listMoveTasks = (store: QueueStore, sourceArn: string, max: number): Record<string, unknown>[] =>
  store.database
    .prepare('SELECT * FROM move_tasks WHERE source_arn = ? ORDER BY sequence DESC LIMIT ?')
    .all(sourceArn, max)
    .map((row) => ({
      Status: 'COMPLETED',
      SourceArn: sourceArn,
      ...(typeof row['destination_arn'] === 'string' ? { DestinationArn: row['destination_arn'] } : {}),
      ApproximateNumberOfMessagesMoved: Number(row['moved']),
      ApproximateNumberOfMessagesToMove: Number(row['moved']),
      StartedTimestamp: Number(row['started_at']),
    }))
