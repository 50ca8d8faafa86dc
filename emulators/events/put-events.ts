import * as z from 'zod/mini'
import { AwsJsonError, parseInput } from '../json-protocol.ts'
import type { EventLog, NewEvent } from './event-log.ts'

const maxRequestBytes = 256 * 1024

const putEventsInput = z.object({
  Entries: z
    .array(
      z.object({
        Source: z.optional(z.string()),
        DetailType: z.optional(z.string()),
        Detail: z.optional(z.string()),
        Resources: z.optional(z.array(z.string())),
        Time: z.optional(z.number()),
        EventBusName: z.optional(z.string()),
      }),
    )
    .check(z.minLength(1), z.maxLength(10)),
})
type Entry = z.infer<typeof putEventsInput>['Entries'][number]

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size */
const sizeOf = (entry: Entry): number => {
  const texts = [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])]
  const bytes = texts.reduce((total, text) => total + Buffer.byteLength(text ?? ''), 0)
  return bytes + (entry.Time === undefined ? 0 : 14)
}

const refused = (code: string, message: string) => ({ ErrorCode: code, ErrorMessage: message })

const parseDetail = (text: string): unknown => {
  try {
    const detail: unknown = JSON.parse(text)
    return typeof detail === 'object' && detail !== null && !Array.isArray(detail) ? detail : undefined
  } catch {
    return undefined
  }
}

const checkEntry = (entry: Entry): NewEvent | ReturnType<typeof refused> => {
  for (const name of ['Source', 'DetailType', 'Detail'] as const)
    if (entry[name] === undefined || entry[name] === '')
      return refused(
        'InvalidArgument',
        `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
      )
  const detail = parseDetail(entry.Detail ?? '')
  if (detail === undefined) return refused('MalformedDetail', 'Detail is malformed.')
  if (entry.Source?.startsWith('aws.') === true)
    return refused('NotAuthorizedForSourceException', 'Not authorized for the source.')
  return {
    source: entry.Source ?? '',
    detailType: entry.DetailType ?? '',
    detail,
    resources: entry.Resources ?? [],
    time: entry.Time === undefined ? undefined : entry.Time * 1000,
  }
}

/** PutEvents: good entries are stored, each bad one is answered with its own error. */
export const putEvents = (log: EventLog, input: unknown): unknown => {
  const { Entries: entries } = parseInput(putEventsInput, input)
  if (entries.reduce((total, entry) => total + sizeOf(entry), 0) > maxRequestBytes)
    throw new AwsJsonError(
      'ValidationException',
      'Total size of the entries in the request is over the limit.',
    )
  const checked = entries.map(checkEntry)
  const accepted = checked.filter((entry) => 'source' in entry)
  const ids = accepted.length > 0 ? log.append(accepted) : []
  const results = checked.map((entry) => ('source' in entry ? { EventId: ids.shift() } : entry))
  return { FailedEntryCount: entries.length - accepted.length, Entries: results }
}
