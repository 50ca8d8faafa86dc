import { isServiceError } from '../../errors.ts'
import type { ObjectKey } from '../../ids.ts'
import { parseAnswer, parseJson } from '../../net/provider-http.ts'
import type { Secret } from '../../secret.ts'
import { secret } from '../../secret.ts'
import type { ByteRange } from '../../storage/bytes.ts'
import { rangeNotSatisfiable, resolveRange } from '../../storage/bytes.ts'
import type { RawContent } from '../../storage/driver.ts'
import { rawContent } from '../raw-content.ts'
import type { DropboxApi } from './api.ts'
import { byId } from './names.ts'
import { metadataSchema, toEntry } from './wire.ts'

/** Reads with one request: what the file is stands in a header of the answer. */
export async function readFile(
  api: DropboxApi,
  key: ObjectKey,
  range: ByteRange | undefined,
  signal?: AbortSignal,
): Promise<RawContent> {
  const answer = await api.download(byId(key), range && rangeAsked(range), signal)
  try {
    if (answer.status === 416) throw rangeNotSatisfiable(toEntry(await api.get(byId(key), signal)).size)
    const result = parseJson(String(answer.headers['dropbox-api-result']))
    const entry = toEntry(parseAnswer(metadataSchema, result, answer.status))
    return rawContent(entry, answer, range && resolveRange(range, entry.size))
  } catch (error) {
    answer.body.destroy()
    throw error
  }
}

/**
 * An address that needs no token. Undefined for an account whose e-mail address is not verified, or that may
 * give out none: its files are read through the API alone.
 * https://www.dropbox.com/developers/documentation/http/documentation#files-get_temporary_link
 */
export async function directUrl(
  api: DropboxApi,
  key: ObjectKey,
  signal?: AbortSignal,
): Promise<Secret | undefined> {
  try {
    return secret(await api.link(byId(key), signal))
  } catch (error) {
    const { providerCode = '' } = isServiceError(error) ? error.context : {}
    if (/^(?:email_not_verified|not_allowed|unsupported_file)$/.test(providerCode)) return undefined
    throw error
  }
}

/** The size is in the answer, so the range goes as it was asked for. */
function rangeAsked(range: ByteRange): string {
  return 'suffix' in range
    ? `bytes=-${String(range.suffix)}`
    : `bytes=${String(range.start)}-${String(range.end ?? '')}`
}
