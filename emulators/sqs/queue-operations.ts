import { accountId } from '../account.ts'
import * as z from 'zod/mini'
import { AwsJsonError, parseInput } from '../json-protocol.ts'
import { applyAttributes, defaultSettings, toAttributes } from './attributes.ts'
import { listMoveTasks, moveMessages } from './move-tasks.ts'
import { arnOf, type QueueStore } from './queue-store.ts'

const attributeMap = z.record(z.string(), z.string())
const createInput = z.object({ QueueName: z.string(), Attributes: z.optional(attributeMap) })
const nameInput = z.object({ QueueName: z.string() })
const listInput = z.object({ QueueNamePrefix: z.optional(z.string()) })
const getInput = z.object({ AttributeNames: z.optional(z.array(z.string())) })
const setInput = z.object({ Attributes: attributeMap })
const moveInput = z.object({ SourceArn: z.string(), DestinationArn: z.optional(z.string()) })
const listMovesInput = z.object({
  SourceArn: z.string(),
  MaxResults: z.optional(z.int().check(z.gte(1), z.lte(10))),
})

const parse = <Schema extends z.ZodMiniType>(schema: Schema, input: unknown): z.infer<Schema> =>
  parseInput(schema, input, 'InvalidParameterValue')

const urlOf = (endpoint: string, queue: string): string => `${endpoint}/${accountId}/${queue}`

export const createQueue = (store: QueueStore, endpoint: string, input: unknown): unknown => {
  const { QueueName: name, Attributes: attributes = {} } = parse(createInput, input)
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(name))
    throw new AwsJsonError(
      'InvalidParameterValue',
      'Can only include alphanumeric characters, hyphens, or underscores.',
      {
        queryCode: 'InvalidParameterValue',
      },
    )
  if (!store.has(name)) {
    store.saveQueue(name, applyAttributes(defaultSettings, attributes))
    return { QueueUrl: urlOf(endpoint, name) }
  }
  const existing = store.settings(name)
  if (JSON.stringify(applyAttributes(existing, attributes)) !== JSON.stringify(existing))
    throw new AwsJsonError(
      'QueueNameExists',
      'A queue already exists with the same name and a different value for an attribute',
      {
        queryCode: 'QueueAlreadyExists',
      },
    )
  return { QueueUrl: urlOf(endpoint, name) }
}

export const getQueueUrl = (store: QueueStore, endpoint: string, input: unknown): unknown => {
  const { QueueName: name } = parse(nameInput, input)
  store.settings(name)
  return { QueueUrl: urlOf(endpoint, name) }
}

export const listQueues = (store: QueueStore, endpoint: string, input: unknown): unknown => ({
  QueueUrls: store
    .listQueues(parse(listInput, input).QueueNamePrefix ?? '')
    .map((name) => urlOf(endpoint, name)),
})

export const getQueueAttributes = (store: QueueStore, queue: string, input: unknown): unknown => {
  const wanted = parse(getInput, input).AttributeNames ?? []
  const counts = store.counts(queue)
  const createdAt = String(Math.floor(store.createdAt(queue) / 1000))
  const all: Record<string, string> = {
    ...toAttributes(store.settings(queue)),
    QueueArn: arnOf(queue),
    CreatedTimestamp: createdAt,
    LastModifiedTimestamp: createdAt,
    ApproximateNumberOfMessages: String(counts.visible),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
  }
  return {
    Attributes: Object.fromEntries(
      Object.entries(all).filter(([name]) => wanted.includes('All') || wanted.includes(name)),
    ),
  }
}

export const setQueueAttributes = (store: QueueStore, queue: string, input: unknown): unknown => {
  store.saveQueue(queue, applyAttributes(store.settings(queue), parse(setInput, input).Attributes))
  return {}
}

export const startMessageMoveTask = (store: QueueStore, input: unknown): unknown => {
  const { SourceArn: source, DestinationArn: destination } = parse(moveInput, input)
  return { TaskHandle: moveMessages(store, source, destination) }
}

export const listMessageMoveTasks = (store: QueueStore, input: unknown): unknown => {
  const { SourceArn: source, MaxResults: max = 1 } = parse(listMovesInput, input)
  return { Results: listMoveTasks(store, source, max) }
}
