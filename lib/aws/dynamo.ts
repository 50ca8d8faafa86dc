import type {
  BatchGetCommandInput,
  BatchGetCommandOutput,
  DeleteCommandInput,
  DeleteCommandOutput,
  GetCommandInput,
  GetCommandOutput,
  PutCommandInput,
  PutCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
  ScanCommandInput,
  ScanCommandOutput,
  TransactWriteCommandInput,
  TransactWriteCommandOutput,
  UpdateCommandInput,
  UpdateCommandOutput,
} from '@aws-sdk/lib-dynamodb'
import { convertToAttr, convertToNative } from '@aws-sdk/util-dynamodb'
import { randomId } from '../ids.ts'
import type { AwsCaller } from './caller.ts'

/** One call, named and filled in as the SDK's document client has it. */
abstract class Command<Input extends object, Output> {
  /** What it answers; there for the compiler alone. */
  declare readonly answer: Omit<Output, '$metadata'>
  abstract readonly operation: string
  readonly input: Input

  constructor(input: Input) {
    this.input = input
  }
}

export class GetCommand extends Command<GetCommandInput, GetCommandOutput> {
  readonly operation = 'GetItem'
}
export class PutCommand extends Command<PutCommandInput, PutCommandOutput> {
  readonly operation = 'PutItem'
}
export class UpdateCommand extends Command<UpdateCommandInput, UpdateCommandOutput> {
  readonly operation = 'UpdateItem'
}
export class DeleteCommand extends Command<DeleteCommandInput, DeleteCommandOutput> {
  readonly operation = 'DeleteItem'
}
export class QueryCommand extends Command<QueryCommandInput, QueryCommandOutput> {
  readonly operation = 'Query'
}
export class ScanCommand extends Command<ScanCommandInput, ScanCommandOutput> {
  readonly operation = 'Scan'
}

export class BatchGetCommand extends Command<BatchGetCommandInput, BatchGetCommandOutput> {
  readonly operation = 'BatchGetItem'
}
export class TransactWriteCommand extends Command<TransactWriteCommandInput, TransactWriteCommandOutput> {
  readonly operation = 'TransactWriteItems'
}

/** DynamoDB, rows as plain values. */
export interface Dynamo {
  send<Input extends object, Output>(
    command: Command<Input, Output>,
  ): Promise<Command<Input, Output>['answer']>
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html */
export function dynamoOf(aws: AwsCaller): Dynamo {
  return {
    async send({ operation, input }) {
      // Repeated under the same token, it is done once.
      const once = operation === 'TransactWriteItems' ? { ClientRequestToken: randomId() } : {}
      const { body } = await aws.call({
        service: 'dynamodb',
        method: 'POST',
        url: `${aws.endpoint('dynamodb')}/`,
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `DynamoDB_20120810.${operation}`,
        },
        body: JSON.stringify(translated({ ...once, ...input }, toAttribute), asText),
      })
      return translated(JSON.parse(body.toString(), asBytes), toValue) as never
    },
  }
}

/** Of each write of a transaction that was refused, why; undefined for another error. */
export function cancellationsOf(error: unknown): readonly string[] | undefined {
  if (!(error instanceof Error) || error.name !== 'TransactionCanceledException') return undefined
  const { CancellationReasons: reasons } = error as { readonly CancellationReasons?: unknown }
  return Array.isArray(reasons)
    ? reasons.map((reason: { readonly Code?: string }) => reason.Code ?? 'None')
    : undefined
}

/** Bytes are base64 on the wire. */
function asText(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const raw = this[name]
  return raw instanceof Uint8Array ? Buffer.from(raw).toString('base64') : value
}

function asBytes(name: string, value: unknown): unknown {
  return name === 'B' && typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : value
}

type Translate = (value: never) => unknown

const toAttribute: Translate = (value) => convertToAttr(value, { removeUndefinedValues: true })
const toValue: Translate = (value) => convertToNative(value)

/** Where rows stand in requests and answers: one, or several; in `Responses` several of each table. */
const one: ReadonlySet<string> = new Set([
  'Item',
  'Key',
  'ExpressionAttributeValues',
  'ExclusiveStartKey',
  'Attributes',
  'LastEvaluatedKey',
])
const several: ReadonlySet<string> = new Set(['Items', 'Keys'])

/** A copy in which the values of rows are written as the other side has them. */
function translated(part: unknown, translate: Translate): unknown {
  if (Array.isArray(part)) return part.map((each) => translated(each, translate))
  if (typeof part !== 'object' || part === null) return part
  return mapped(part, (value, name) => {
    if (one.has(name)) return row(value, translate)
    if (several.has(name)) return (value as unknown[]).map((each) => row(each, translate))
    if (name === 'Responses')
      return mapped(value as object, (rows) => (rows as unknown[]).map((each) => row(each, translate)))
    return translated(value, translate)
  })
}

function row(value: unknown, translate: Translate): object {
  return mapped(value as object, (each) => translate(each as never))
}

function mapped(part: object, change: (value: unknown, name: string) => unknown): object {
  return Object.fromEntries(
    Object.entries(part).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, change(value, name)]],
    ),
  )
}
