import * as z from 'zod/mini'
import { errorCodes } from '../errors.ts'
import { hashAlgorithms } from '../providers/registry.ts'
import type { Changes } from './expressions.ts'
import { condition } from './expressions.ts'
import type { Condition } from './table.ts'

/**
 * Attributes of a document's row as version 0.1 wrote them, which a
 * first write takes away. Goes a release later.
 */
const old = z.looseObject({
  status: z.enum(['receiving', 'uploading', 'stored', 'parked', 'failed']),
  objectKey: z.optional(z.string()),
  objectExists: z.optional(z.boolean()),
  size: z.number(),
  contentType: z.string(),
  extension: z.string(),
  checksum: z.optional(
    z.object({
      algorithm: z.enum(hashAlgorithms),
      value: z.string(),
      verdict: z.enum(['verified', 'provider_transformed', 'mismatch']),
    }),
  ),
  error: z.optional(z.object({ code: z.enum(errorCodes), detail: z.string() })),
  userKey: z.string(),
  userId: z.optional(z.string()),
  updatedAt: z.string(),
  writeId: z.string(),
})

const names = [
  'status',
  'objectExists',
  'size',
  'contentType',
  'extension',
  'checksum',
  'error',
  'expectedSha256',
  'parkedOn',
  'bytesTransferred',
  'version',
  'writeId',
]

/** A stored item as this version reads it: one of version 0.1 says the same in its own words. */
export function read(item: unknown): unknown {
  const { success, data } = old.safeParse(item)
  if (!success) return item
  const { status, objectKey, objectExists, size, contentType, extension, checksum, error, writeId, ...rest } =
    data
  const stands = objectKey !== undefined && objectExists === true
  const { algorithm, value, verdict } = checksum ?? {}
  const proof = algorithm === undefined ? {} : { hash: { algorithm, value }, verdict }
  const at = rest.updatedAt
  // Whatever was under way has no transfer any more, or one that the sweeper turns into a change.
  const { code, detail } = error ?? interrupted
  return {
    ...rest,
    userId: rest.userId ?? rest.userKey,
    old: writeId,
    ...(stands
      ? {
          objectKey,
          standing: {
            changeId: writeId,
            size,
            contentType,
            extension,
            file: `${String(rest['documentId'])}${extension}`,
            ...proof,
          },
        }
      : {}),
    last:
      status === 'stored'
        ? { changeId: writeId, outcome: 'stored', at }
        : { changeId: writeId, outcome: 'failed', code, detail, at },
  }
}

const interrupted = {
  code: 'object_missing',
  detail: 'The upload was interrupted by an update of the service. Upload the document again.',
} as const

/** The first write over such a row: what it means is written out, and its old words go. */
export function firstWrite(
  row: { readonly old?: string } & Changes,
  changes: Changes,
): { readonly changes: Changes; readonly when: Condition } {
  const { userId, standing, objectKey, last } = row
  const gone = Object.fromEntries(names.map((name) => [name, undefined]))
  return {
    changes: { ...gone, userId, standing, objectKey, last, ...changes },
    when: condition('#writeId = :old', { ':old': row.old }),
  }
}
