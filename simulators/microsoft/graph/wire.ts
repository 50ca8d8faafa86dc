import * as z from 'zod/mini'
import type { Exchange } from '../../kernel/exchange.ts'
import { graphError } from './errors.ts'
import type { FileSystemInfo } from '../drive/records.ts'

const text = z.optional(z.nullable(z.string()))

const fileSystemInfo = z.optional(
  z.nullable(z.object({ createdDateTime: text, lastModifiedDateTime: text, lastAccessedDateTime: text })),
)

const parentReference = z.optional(z.object({ driveId: text, id: text, path: text }))

/** What clients send, as far as the simulator acts on it; unknown members are ignored, as Graph does. */
export const newFolderBody = z.object({
  name: z.string(),
  folder: z.optional(z.unknown()),
  file: z.optional(z.unknown()),
  '@microsoft.graph.conflictBehavior': z.optional(z.unknown()),
})

export const changeBody = z.object({
  name: z.optional(z.string()),
  description: z.optional(z.string()),
  parentReference,
  fileSystemInfo,
  '@microsoft.graph.conflictBehavior': z.optional(z.unknown()),
})

export const copyBody = z.object({
  name: z.optional(z.string()),
  parentReference,
  '@microsoft.graph.conflictBehavior': z.optional(z.unknown()),
})

export const restoreBody = z.object({
  name: z.optional(z.nullable(z.string())),
  parentReference: z.optional(z.nullable(parentReference)),
})

export const uploadSessionBody = z.object({
  item: z.optional(
    z.object({
      name: z.optional(z.string()),
      fileSize: z.optional(z.int().check(z.gte(0))),
      description: text,
      fileSystemInfo,
      '@microsoft.graph.conflictBehavior': z.optional(z.unknown()),
    }),
  ),
  deferCommit: z.optional(z.boolean()),
})

export const commitBody = z.object({
  name: z.optional(z.string()),
  '@microsoft.graph.conflictBehavior': z.optional(z.unknown()),
  '@microsoft.graph.sourceUrl': z.optional(z.string()),
  '@content.sourceUrl': z.optional(z.string()),
})

/** Reads the JSON body; 400 in Graph's shape when it is not JSON or not what the schema says. */
export async function readBody<T>(x: Exchange, schema: z.ZodMiniType<T>): Promise<T> {
  let body: unknown
  try {
    body = (await x.jsonBody()) ?? {}
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw graphError(400, 'BadRequest', 'Unable to read JSON request payload.')
  }
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw graphError(400, 'invalidRequest', `Invalid request: ${parsed.error.issues[0]?.path.join('.') ?? ''}`)
}

/** The two times that clients may set, as epoch milliseconds. */
export function timesOf(info: z.infer<typeof fileSystemInfo>): FileSystemInfo {
  return {
    ...optional('createdAt', time(info?.createdDateTime)),
    ...optional('modifiedAt', time(info?.lastModifiedDateTime)),
  }
}

function optional(key: string, value: number | undefined): Record<string, number> {
  return value === undefined ? {} : { [key]: value }
}

function time(value: string | null | undefined): number | undefined {
  if (value === undefined || value === null) return undefined
  const parsed = Date.parse(value)
  if (Number.isNaN(parsed)) throw graphError(400, 'invalidRequest', 'Invalid date in fileSystemInfo.')
  return parsed
}
