import { randomUUID } from 'node:crypto'
import { exactlyKept } from '../../net/exactly.ts'
import type { RequestBody } from '../../net/http-client.ts'
import { readJson } from '../../net/provider-http.ts'
import type { ContentSource } from '../../storage/bytes.ts'
import type { ObjectEntry, Plan } from '../../storage/driver.ts'
import type { DriveParts } from './sessions.ts'
import {
  createMetadata,
  inFolder,
  isIdInUse,
  mimeTypeOf,
  newIdOf,
  replaceMetadata,
  settled,
  uploadUrl,
} from './sessions.ts'
import { fileSchema } from './wire.ts'

/**
 * Content up to this size goes in one request with its metadata.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads
 */
export const multipartBytes = 5 * 1000 * 1000

/**
 * Makes or replaces a file with one request. The id of a new one is known before, so a repeated creation
 * meets its own file.
 */
export async function writeFile(
  parts: DriveParts,
  plan: Plan,
  content: ContentSource,
  signal?: AbortSignal,
): Promise<ObjectEntry> {
  const send = async (metadata: Readonly<Record<string, unknown>>, id?: string): Promise<ObjectEntry> => {
    const { contentType, body } = multipartRelated(metadata, content, mimeTypeOf(plan))
    const response = await parts.http({
      operation: id === undefined ? 'files.create' : 'files.replace',
      method: id === undefined ? 'POST' : 'PATCH',
      url: uploadUrl(parts.rootUrl, 'multipart', id),
      headers: { 'content-type': contentType },
      body,
      signal,
    })
    return await settled(parts, await readJson(response, fileSchema), signal)
  }
  const { target } = plan
  if (target.kind === 'replace') return await send(replaceMetadata(plan), target.objectKey)
  const id = newIdOf(target)
  try {
    return await inFolder(parts, (parent) => send(createMetadata(plan, target.file, id, parent)), signal)
  } catch (error) {
    if (!isIdInUse(error)) throw error
    return await send(replaceMetadata(plan), id)
  }
}

/**
 * Metadata and content as one `multipart/related` body of known length, streamed. The official client's own
 * multipart has no length and ends the process when the source fails. The closing boundary follows only a
 * source that ended where it should.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#multipart
 */
function multipartRelated(
  metadata: Readonly<Record<string, unknown>>,
  content: ContentSource,
  contentType: string,
): { readonly contentType: string; readonly body: RequestBody } {
  const boundary = `driveway-${randomUUID()}`
  const head = Buffer.from(
    `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(metadata)}\r\n` +
      `--${boundary}\r\nContent-Type: ${contentType}\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    contentType: `multipart/related; boundary=${boundary}`,
    body: {
      ...content,
      size: head.length + content.size + tail.length,
      async *open() {
        yield head
        yield* exactlyKept(content)
        yield tail
      },
    },
  }
}
