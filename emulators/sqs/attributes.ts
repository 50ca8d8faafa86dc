import * as z from 'zod/mini'
import { AwsJsonError } from '../json-protocol.ts'

/** Settings of a queue; times in seconds. */
export interface QueueSettings {
  readonly visibilityTimeout: number
  readonly retention: number
  readonly delay: number
  readonly waitTime: number
  readonly maxMessageBytes: number
  readonly redrive: { readonly deadLetterArn: string; readonly maxReceiveCount: number } | undefined
}

export const defaultSettings: QueueSettings = {
  visibilityTimeout: 30,
  retention: 345_600,
  delay: 0,
  waitTime: 0,
  maxMessageBytes: 1_048_576,
  redrive: undefined,
}

/**
 * The attribute names of the API and their ranges.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 */
const numeric = {
  VisibilityTimeout: { field: 'visibilityTimeout', min: 0, max: 43_200 },
  MessageRetentionPeriod: { field: 'retention', min: 60, max: 1_209_600 },
  DelaySeconds: { field: 'delay', min: 0, max: 900 },
  ReceiveMessageWaitTimeSeconds: { field: 'waitTime', min: 0, max: 20 },
  MaximumMessageSize: { field: 'maxMessageBytes', min: 1024, max: 1_048_576 },
} as const

const redrivePolicy = z.object({
  deadLetterTargetArn: z.string(),
  maxReceiveCount: z.pipe(
    z.union([z.string(), z.number()]),
    z.pipe(z.transform(Number), z.int().check(z.gte(1), z.lte(1000))),
  ),
})

const invalid = (name: string): AwsJsonError =>
  new AwsJsonError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`, {
    queryCode: 'InvalidAttributeValue',
  })

const parseRedrive = (text: string): QueueSettings['redrive'] => {
  if (text === '') return undefined
  let policy: unknown
  try {
    policy = JSON.parse(text)
  } catch {
    throw invalid('RedrivePolicy')
  }
  const parsed = redrivePolicy.safeParse(policy)
  if (!parsed.success) throw invalid('RedrivePolicy')
  return { deadLetterArn: parsed.data.deadLetterTargetArn, maxReceiveCount: parsed.data.maxReceiveCount }
}

const isNumeric = (name: string): name is keyof typeof numeric => name in numeric

/**
 * `settings` with the attributes of a request. @throws AwsJsonError
 * for an unknown name or a value out of range.
 */
export const applyAttributes = (
  settings: QueueSettings,
  attributes: Readonly<Record<string, string>>,
): QueueSettings => {
  let result = settings
  for (const [name, text] of Object.entries(attributes)) {
    if (name === 'RedrivePolicy') {
      result = { ...result, redrive: parseRedrive(text) }
    } else if (isNumeric(name)) {
      const { field, min, max } = numeric[name]
      const value = Number(text)
      if (!/^\d+$/.test(text) || value < min || value > max) throw invalid(name)
      result = { ...result, [field]: value }
    } else if (
      ![
        'Policy',
        'KmsMasterKeyId',
        'KmsDataKeyReusePeriodSeconds',
        'SqsManagedSseEnabled',
        'RedriveAllowPolicy',
      ].includes(name)
    ) {
      throw new AwsJsonError('InvalidAttributeName', `Unknown Attribute ${name}.`, {
        queryCode: 'InvalidAttributeName',
      })
    }
  }
  return result
}

/** The settings as GetQueueAttributes shows them. */
export const toAttributes = (settings: QueueSettings): Record<string, string> => {
  const attributes = Object.fromEntries(
    Object.entries(numeric).map(([name, { field }]) => [name, String(settings[field])]),
  )
  const { redrive } = settings
  if (redrive)
    attributes['RedrivePolicy'] = JSON.stringify({
      deadLetterTargetArn: redrive.deadLetterArn,
      maxReceiveCount: redrive.maxReceiveCount,
    })
  return attributes
}
