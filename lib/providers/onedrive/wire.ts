import * as z from 'zod/mini'
import { ServiceError } from '../../errors.ts'
import { objectKey } from '../../ids.ts'
import type { ObjectEntry } from '../../storage/driver.ts'

/** https://learn.microsoft.com/graph/api/resources/driveitem */
export const itemSchema = z.object({
  id: z.string(),
  name: z.optional(z.string()),
  size: z.optional(z.number()),
  eTag: z.optional(z.string()),
  cTag: z.optional(z.string()),
  createdDateTime: z.optional(z.string()),
  parentReference: z.optional(z.object({ id: z.optional(z.string()) })),
  file: z.optional(
    z.object({
      mimeType: z.optional(z.string()),
      hashes: z.optional(z.object({ quickXorHash: z.optional(z.string()) })),
    }),
  ),
  '@microsoft.graph.downloadUrl': z.optional(z.string()),
})
export type DriveItem = z.output<typeof itemSchema>

/** With `$select`, the download URL comes only when it is named. */
export const itemFields =
  'id,name,size,file,eTag,cTag,createdDateTime,parentReference,@microsoft.graph.downloadUrl'

/** https://learn.microsoft.com/graph/api/driveitem-delta */
export const deltaSchema = z.object({
  value: z.array(z.extend(itemSchema, { deleted: z.optional(z.unknown()), folder: z.optional(z.unknown()) })),
  '@odata.nextLink': z.optional(z.string()),
  '@odata.deltaLink': z.optional(z.string()),
})
/** What is not named is left out, that an item is gone as well. */
export const deltaFields = 'id,name,size,file,folder,deleted,eTag,cTag,createdDateTime,parentReference'

/** https://learn.microsoft.com/graph/api/resources/driveitemversion */
export const versionsSchema = z.object({
  value: z.array(z.object({ id: z.string(), size: z.optional(z.number()) })),
})

/** `nextExpectedRanges` may be missing in the answer to createUploadSession. */
export const sessionSchema = z.object({
  uploadUrl: z.string(),
  expirationDateTime: z.optional(z.string()),
})

/** https://learn.microsoft.com/graph/api/driveitem-createuploadsession#upload-bytes-to-the-upload-session */
export const progressSchema = z.object({
  expirationDateTime: z.optional(z.string()),
  nextExpectedRanges: z.array(z.string()),
})
export type SessionProgress = z.output<typeof progressSchema>

export const driveSchema = z.object({
  quota: z.optional(z.object({ used: z.optional(z.number()), total: z.optional(z.number()) })),
})

/** Of a drive or a folder. */
export const idSchema = z.object({ id: z.string() })

const innerError = z.looseObject({ code: z.optional(z.string()) })

/** `innerError` or `innererror`, nested to any depth. https://learn.microsoft.com/graph/errors */
export const errorSchema = z.object({ error: innerError })

/** Folders have no `file`; they are none of ours. */
export function toEntry(item: DriveItem): ObjectEntry {
  if (item.file === undefined || item.size === undefined) {
    throw new ServiceError('provider_error', 'The item in the OneDrive is not a file.')
  }
  // cTag changes with the content only; OneDrive for Business does not always send it.
  const etag = (item.cTag ?? item.eTag)?.replaceAll('"', '')
  const hash = item.file.hashes?.quickXorHash
  const createdAt = Date.parse(item.createdDateTime ?? '')
  return {
    objectKey: objectKey(item.id),
    size: item.size,
    ...(item.name === undefined ? {} : { name: item.name }),
    // An upload session's last answer may leave it out.
    ...(item.parentReference?.id === undefined ? {} : { place: item.parentReference.id }),
    ...(item.file.mimeType === undefined ? {} : { contentType: item.file.mimeType }),
    ...(Number.isNaN(createdAt) ? {} : { createdAt }),
    ...(etag === undefined ? {} : { etag }),
    checksums: hash === undefined || hash === '' ? {} : { quickXorHash: hash },
  }
}
