import type { Dynamo } from '../aws/dynamo.ts'
import { BatchGetCommand, cancellationsOf, TransactWriteCommand } from '../aws/dynamo.ts'
import { ServiceError } from '../errors.ts'
import type { TogetherWrite } from './table.ts'
import { catalogError } from './table.ts'

/**
 * Does all of `writes` or none. The positions of those that kept the others from happening, because their
 * condition did not hold or somebody is writing there; empty when all is written.
 */
export async function writeTogether(
  client: Dynamo,
  writes: readonly TogetherWrite[],
): Promise<readonly number[]> {
  try {
    await client.send(new TransactWriteCommand({ TransactItems: [...writes] }))
    return []
  } catch (error) {
    const codes = cancellationsOf(error)
    if (codes === undefined) throw catalogError(error)
    const other = codes.find((code) => !/^(None|ConditionalCheckFailed|TransactionConflict)$/.test(code))
    if (other !== undefined)
      throw catalogError(Object.assign(new Error(other, { cause: error }), { name: `${other}Exception` }))
    return codes.flatMap((code, at) => (code === 'None' ? [] : [at]))
  }
}

const keysPerCall = 100
/** So often DynamoDB may leave keys out of an answer before it counts as busy. */
const rounds = 8

/** The items of one table that are there, strongly consistent, in no order. */
export async function readTogether(
  client: Dynamo,
  tableName: string,
  keys: readonly Record<string, unknown>[],
): Promise<readonly unknown[]> {
  const found: unknown[] = []
  let left = [...keys]
  for (let round = 0; left.length > 0 && round < rounds + keys.length / keysPerCall; round += 1) {
    const Keys = left.splice(0, keysPerCall)
    const RequestItems = { [tableName]: { Keys, ConsistentRead: true } }
    try {
      const answer = await client.send(new BatchGetCommand({ RequestItems }))
      found.push(...(answer.Responses?.[tableName] ?? []))
      left = [...(answer.UnprocessedKeys?.[tableName]?.Keys ?? []), ...left]
    } catch (error) {
      throw catalogError(error)
    }
  }
  if (left.length === 0) return found
  throw new ServiceError('provider_unavailable', 'The catalog is busy. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
  })
}
