import * as z from 'zod/mini'
import { objectKey } from '../../ids.ts'
import type { ObjectEntry } from '../../storage/driver.ts'

/** What is inside an upload session's opaque text. */
export const sessionSchema = z.object({
  key: z.string(),
  uploadId: z.string(),
  /** The object is new: one that stands there by the end is somebody else's. */
  createOnly: z.exactOptional(z.boolean()),
})
export type S3Session = z.output<typeof sessionSchema>

/** What HeadObject, GetObject, PutObject and CompleteMultipartUpload say of an object. */
export interface ObjectHead {
  readonly size: number
  readonly contentType?: string | undefined
  readonly createdAt?: number | undefined
  readonly etag?: string | undefined
  /** Base64; S3 has it only when the object was put with it. */
  readonly sha256?: string | undefined
}

/**
 * The SDK's answer as an entry. A multipart object's checksum is one of checksums (`…-3`) and says nothing
 * here.
 */
export function toEntry(
  key: string,
  { size, contentType, createdAt, etag, sha256 }: ObjectHead,
): ObjectEntry {
  const whole = sha256 !== undefined && !sha256.includes('-')
  return {
    objectKey: objectKey(key),
    size,
    name: key.slice(key.lastIndexOf('/') + 1),
    ...(contentType === undefined ? {} : { contentType }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(etag === undefined ? {} : { etag: etag.replaceAll('"', '') }),
    checksums: whole ? { sha256: Buffer.from(sha256, 'base64').toString('hex') } : {},
  }
}
