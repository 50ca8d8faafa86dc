import * as z from 'zod/mini'

// Every argument of the routes that are played, as https://github.com/dropbox/dropbox-api-spec has them.
// Dropbox refuses a field that it does not know.

const matching = (pattern: RegExp) => z.string().check(z.regex(pattern, 'did not match pattern'))
const path = matching(/^(?:\/[^]*|ns:[0-9]+(?:\/[^]*)?)$/)
const pathOrId = matching(/^(?:\/[^]*|ns:[0-9]+(?:\/[^]*)?|id:.*)$/)
const rootOrPathOrId = matching(/^(?:(?:\/[^]*)?|ns:[0-9]+(?:\/[^]*)?|id:.*)$/)
const readPath = matching(/^(?:\/[^]*|id:.*|rev:[0-9a-f]{9,}|ns:[0-9]+(?:\/[^]*)?)$/)
const rev = z.string().check(z.minLength(9), z.regex(/^[0-9a-f]+$/, 'did not match pattern'))
const hash = z.string().check(z.length(64))
const time = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
const flag = z._default(z.boolean(), false)
const ignored = z.optional(z.unknown())

/** A union without values is its name, or an object with its tag. */
const oneOf = <Tag extends string>(...tags: [Tag, ...Tag[]]) =>
  z.pipe(
    z.union([z.enum(tags), z.object({ '.tag': z.enum(tags) })]),
    z.transform((given) => (typeof given === 'string' ? given : given['.tag'])),
  )

const mode = z.union([
  z.pipe(
    oneOf('add', 'overwrite'),
    z.transform((tag) => ({ tag })),
  ),
  z.pipe(
    z.object({ '.tag': z.literal('update'), update: rev }),
    z.transform(({ update }) => ({ tag: 'update' as const, update })),
  ),
])

const commitFields = {
  path: pathOrId,
  mode: z._default(mode, { tag: 'add' as const }),
  autorename: flag,
  client_modified: z.optional(time),
  mute: flag,
  property_groups: ignored,
  strict_conflict: flag,
}
const cursor = z.strictObject({ session_id: z.string(), offset: z.int().check(z.gte(0)) })

export const none = z.nullable(z.strictObject({}))
export const commit = z.strictObject(commitFields)
export type Commit = z.output<typeof commit>
export const upload = z.strictObject({ ...commitFields, content_hash: z.optional(hash) })
export const start = z.strictObject({
  close: flag,
  session_type: z._default(oneOf('sequential', 'concurrent'), 'sequential'),
  content_hash: z.optional(hash),
})
export const append = z.strictObject({ cursor, close: flag, content_hash: z.optional(hash) })
export const finishBatch = z.strictObject({
  entries: z
    .array(z.strictObject({ cursor, commit, content_hash: z.optional(hash) }))
    .check(z.maxLength(1000)),
})
export const finish = z.strictObject({ cursor, commit, content_hash: z.optional(hash) })
export const getMetadata = z.strictObject({
  path: readPath,
  include_media_info: flag,
  include_deleted: flag,
  include_has_explicit_shared_members: flag,
  include_property_groups: ignored,
})
export const download = z.strictObject({ path: readPath, rev: z.optional(rev) })
export const remove = z.strictObject({ path: pathOrId, parent_rev: z.optional(rev) })
export const relocate = z.strictObject({
  from_path: pathOrId,
  to_path: pathOrId,
  allow_shared_folder: flag,
  autorename: flag,
  allow_ownership_transfer: flag,
})
export const createFolder = z.strictObject({ path, autorename: flag })
export const listFolder = z.strictObject({
  path: rootOrPathOrId,
  recursive: flag,
  include_media_info: flag,
  include_deleted: flag,
  include_has_explicit_shared_members: flag,
  include_mounted_folders: ignored,
  include_non_downloadable_files: ignored,
  include_restorable_info: ignored,
  limit: z.optional(z.int().check(z.gte(1), z.lte(2000))),
  shared_link: z.optional(z.null()),
  include_property_groups: ignored,
})
export type ListFolder = z.output<typeof listFolder>
export const listContinue = z.strictObject({ cursor: z.string().check(z.minLength(1)) })
export const listRevisions = z.strictObject({
  path: pathOrId,
  mode: z._default(oneOf('path', 'id'), 'path'),
  limit: z._default(z.int().check(z.gte(1), z.lte(100)), 10),
})
export const restore = z.strictObject({ path, rev })
export const temporaryLink = z.strictObject({ path: readPath })
