import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda'
import { functionAtWork, invokeInTime, lambdaContext } from './gateway/invoker.ts'

export interface BatchOptions {
  readonly functionName: string
  readonly handler: (event: DynamoDBStreamEvent, context: Context) => Promise<DynamoDBBatchResponse | void>
  readonly functionTimeoutMs: number
  /** A record that is older is given up. */
  readonly maximumRecordAgeMs: number
  readonly now: () => number
  readonly pause: (ms: number) => Promise<void>
  /** Ends the retries; what is not done is not given up. */
  readonly signal: AbortSignal
  readonly onError?: (error: unknown) => void
  /** The records up to this sequence number are done or given up. */
  readonly onProgress: (sequence: string) => void
  /** Gets records that were given up, as the mapping's failure destination does. */
  readonly onGivenUp: (records: readonly DynamoDBRecord[]) => Promise<void>
}

const firstPauseMs = 100
const longestPauseMs = 5_000

export const sequenceOf = (record: DynamoDBRecord | undefined): string =>
  record?.dynamodb?.SequenceNumber ?? ''

const bornAt = (record: DynamoDBRecord): number => (record.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000

/**
 * Where the handler stopped: 0 is nothing done, the batch's length
 * all of it. An unknown identifier fails the whole.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
const doneCount = (records: readonly DynamoDBRecord[], response: DynamoDBBatchResponse | void): number => {
  const failures = response?.batchItemFailures ?? []
  if (failures.length === 0) return records.length
  const places = failures.map(({ itemIdentifier }) =>
    records.findIndex((record) => sequenceOf(record) === itemIdentifier),
  )
  return Math.max(0, Math.min(...places))
}

/**
 * Hands records to a function as Lambda's event source mapping of a stream
 * does: in their order, the rest again after a partial failure, halves
 * after a whole one, with growing pauses, until they are done or too old.
 */
export const handOver = async (records: readonly DynamoDBRecord[], options: BatchOptions): Promise<void> => {
  let pieces: (readonly DynamoDBRecord[])[] = [records]
  let pauseMs = firstPauseMs
  while (pieces.length > 0 && !options.signal.aborted) {
    const [piece = [], ...others] = pieces
    const young = await withoutOld(piece, options)
    if (young.length === 0) {
      pieces = others
      continue
    }
    const done = await invoke(young, options)
    if (done > 0) {
      options.onProgress(sequenceOf(young[done - 1]))
      pauseMs = firstPauseMs
    }
    if (done === young.length) {
      pieces = others
      continue
    }
    const rest = young.slice(done)
    const middle = Math.ceil(rest.length / 2)
    // A reported failure says where it is; after any other, half of the batch may be good.
    const halves = done > 0 || rest.length === 1 ? [rest] : [rest.slice(0, middle), rest.slice(middle)]
    pieces = [...halves, ...others]
    await options.pause(pauseMs)
    pauseMs = Math.min(pauseMs * 2, longestPauseMs)
  }
}

/** How many records from the start are done; a call that failed as a whole has done none. */
const invoke = async (records: readonly DynamoDBRecord[], options: BatchOptions): Promise<number> => {
  const { handler, functionName, functionTimeoutMs } = options
  const call = (): Promise<DynamoDBBatchResponse | void> =>
    handler({ Records: [...records] }, lambdaContext(functionName, functionTimeoutMs))
  try {
    // What the poller itself asks of AWS is not the function's.
    const answer = functionAtWork.run(functionName, call)
    return doneCount(records, await invokeInTime(answer, functionTimeoutMs))
  } catch (error) {
    options.onError?.(error)
    return 0
  }
}

const withoutOld = async (
  records: readonly DynamoDBRecord[],
  options: BatchOptions,
): Promise<readonly DynamoDBRecord[]> => {
  const horizon = options.now() - options.maximumRecordAgeMs
  const old = records.filter((record) => bornAt(record) < horizon)
  if (old.length === 0) return records
  await options.onGivenUp(old)
  options.onProgress(sequenceOf(old.at(-1)))
  return records.slice(old.length)
}
