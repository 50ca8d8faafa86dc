import * as z from 'zod/mini'
import { ServiceError } from '../../errors.ts'
import { objectKey } from '../../ids.ts'
import type { ObjectEntry } from '../../storage/driver.ts'

/** int64 values come as strings. https://developers.google.com/workspace/drive/api/reference/rest/v3/files */
const int64 = z.pipe(
  z.string().check(z.regex(/^\d+$/)),
  z.transform((text) => Number(text)),
)

export const fileSchema = z.object({
  id: z.string(),
  name: z.optional(z.string()),
  mimeType: z.optional(z.string()),
  size: z.optional(int64),
  md5Checksum: z.optional(z.string()),
  sha256Checksum: z.optional(z.string()),
  headRevisionId: z.optional(z.string()),
  trashed: z.optional(z.boolean()),
  explicitlyTrashed: z.optional(z.boolean()),
  parents: z.optional(z.array(z.string())),
})
export type DriveFile = z.output<typeof fileSchema>

/** The fields of `fileSchema`: an answer without them holds little more than the id. */
export const fileFields =
  'id,name,mimeType,size,md5Checksum,sha256Checksum,headRevisionId,trashed,explicitlyTrashed,parents'

/** https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/list */
export const changesSchema = z.object({
  nextPageToken: z.optional(z.string()),
  newStartPageToken: z.optional(z.string()),
  changes: z.optional(
    z.array(
      z.object({
        fileId: z.optional(z.string()),
        removed: z.optional(z.boolean()),
        file: z.optional(fileSchema),
      }),
    ),
  ),
})
export const startSchema = z.object({ startPageToken: z.string() })

export const folderListSchema = z.object({ files: z.optional(z.array(z.object({ id: z.string() }))) })

export const idsSchema = z.object({ ids: z.array(z.string()) })

export const quotaSchema = z.object({
  storageQuota: z.object({ usage: z.optional(int64), limit: z.optional(int64) }),
})

/** https://developers.google.com/workspace/drive/api/guides/handle-errors */
export const errorSchema = z.object({
  error: z.object({
    status: z.optional(z.string()),
    errors: z.optional(
      z.array(z.object({ reason: z.optional(z.string()), location: z.optional(z.string()) })),
    ),
    details: z.optional(z.array(z.object({ reason: z.optional(z.string()) }))),
  }),
})

/** A file with content. Folders and Docs-editor files have no size; they are none of ours. */
export function toEntry(file: DriveFile): ObjectEntry {
  if (file.size === undefined) {
    throw new ServiceError(
      'provider_error',
      'The file in the Google Drive has no content that could be read.',
    )
  }
  return {
    objectKey: objectKey(file.id),
    size: file.size,
    ...(file.name === undefined ? {} : { name: file.name }),
    ...(file.mimeType === undefined ? {} : { contentType: file.mimeType }),
    place: file.parents?.[0] ?? '',
    // The revision changes with the content only; Drive v3 has no ETag.
    ...(file.headRevisionId === undefined ? {} : { etag: file.headRevisionId }),
    checksums: {
      ...(file.sha256Checksum === undefined ? {} : { sha256: file.sha256Checksum }),
      ...(file.md5Checksum === undefined ? {} : { md5: file.md5Checksum }),
    },
  }
}
