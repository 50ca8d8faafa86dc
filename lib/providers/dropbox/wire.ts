import * as z from 'zod/mini'
import { ServiceError } from '../../errors.ts'
import { objectKey } from '../../ids.ts'
import type { ObjectEntry } from '../../storage/driver.ts'
import { about } from './about.ts'

/** https://www.dropbox.com/developers/documentation/http/documentation#files-get_metadata */
export const metadataSchema = z.object({
  // Absent where a call answers files only.
  '.tag': z.optional(z.string()),
  id: z.optional(z.string()),
  name: z.string(),
  path_lower: z.optional(z.string()),
  rev: z.optional(z.string()),
  size: z.optional(z.number()),
  server_modified: z.optional(z.string()),
  content_hash: z.optional(z.string()),
})
export type Metadata = z.output<typeof metadataSchema>

export const startedSchema = z.object({ session_id: z.string() })
export const linkSchema = z.object({ link: z.string() })
export const revisionsSchema = z.object({
  is_deleted: z.optional(z.boolean()),
  entries: z.array(metadataSchema),
})
export const cursorSchema = z.object({ cursor: z.string() })
/** https://www.dropbox.com/developers/documentation/http/documentation#files-list_folder-continue */
export const changesSchema = z.object({
  entries: z.array(metadataSchema),
  cursor: z.string(),
  has_more: z.boolean(),
})
export const accountSchema = z.object({
  account_id: z.string().check(z.minLength(1)),
  email: z.optional(z.string()),
})

/** https://www.dropbox.com/developers/documentation/http/documentation#users-get_space_usage */
export const spaceSchema = z.object({
  used: z.number(),
  allocation: z.union([
    z.object({ '.tag': z.literal('individual'), allocated: z.number() }),
    z.object({ '.tag': z.literal('team'), used: z.number(), allocated: z.number() }),
    z.object({ '.tag': z.string() }),
  ]),
})

/** The tags of an error, outermost first: the same in every kind of answer. */
export const errorSchema = z.object({ error_summary: z.string() })

const offset = z.object({ correct_offset: z.int().check(z.gte(0)) })
/** How far a session is, as `append_v2` and `finish` say it. */
export const offsetSchema = z.object({ error: z.union([offset, z.object({ lookup_failed: offset })]) })

/** What is inside an upload session's opaque text: what `finish` has to know. */
export const sessionSchema = z.object({
  id: z.string(),
  path: z.string(),
  /** The revision that is written over; `new` over nothing, `any` over whatever the id holds. */
  over: z.union([z.enum(['new', 'any']), z.object({ rev: z.string() })]),
})
export type DropboxSession = z.output<typeof sessionSchema>
/** Where content is written, and over what. */
export type Commit = Pick<DropboxSession, 'path' | 'over'>

export const isFile = (metadata: Metadata): boolean =>
  metadata['.tag'] === undefined || metadata['.tag'] === 'file'

/** Folders are none of ours, and a Paper document or a link to a Google one has no content. */
export function toEntry(metadata: Metadata): ObjectEntry {
  const { id, size, name, rev, content_hash: hash, path_lower: path } = metadata
  if (!isFile(metadata) || id === undefined || size === undefined)
    throw new ServiceError('provider_error', 'What is in the Dropbox there is not a file.')
  // When the content came, which for a new file is when it was made.
  const createdAt = Date.parse(metadata.server_modified ?? '')
  return {
    objectKey: objectKey(id),
    size,
    name,
    place: path?.slice(0, path.lastIndexOf('/')) ?? '',
    ...(Number.isNaN(createdAt) ? {} : { createdAt }),
    ...(rev === undefined ? {} : { etag: rev }),
    checksums: hash === undefined ? {} : { [about.hash.algorithm]: hash },
  }
}
