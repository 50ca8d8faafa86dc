import type { ObjectKey } from '../../ids.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import { swallow } from '../../net/swallow.ts'
import type { ObjectEntry, RawContent } from '../../storage/driver.ts'
import type { ByteRange, ResolvedRange } from '../../storage/bytes.ts'
import { rangeHeader, resolveRange } from '../../storage/bytes.ts'
import { rawContent } from '../raw-content.ts'
import type { DriveParts } from './sessions.ts'

/**
 * Content carries neither revision nor trash state, so the file is asked for too: at the same time, but for a
 * range, which wants its size.
 */
export async function readFile(
  parts: DriveParts,
  stat: (key: ObjectKey, signal?: AbortSignal) => Promise<ObjectEntry>,
  key: ObjectKey,
  range: ByteRange | undefined,
  signal?: AbortSignal,
): Promise<RawContent> {
  if (range) {
    const entry = await stat(key, signal)
    const wanted = resolveRange(range, entry.size)
    return rawContent(entry, await download(parts, key, wanted, signal), wanted)
  }
  const enough = new AbortController()
  const both = signal ? AbortSignal.any([signal, enough.signal]) : enough.signal
  const content = download(parts, key, undefined, both)
  content.catch(swallow)
  try {
    const entry = await stat(key, signal)
    return rawContent(entry, await content, undefined)
  } catch (error) {
    enough.abort()
    throw error
  }
}

/** What a file held at a revision, which Drive keeps for 30 days; `object_missing` after that. */
export async function readRevision(
  { http, rootUrl }: DriveParts,
  key: ObjectKey,
  { revision, range }: { readonly revision: string; readonly range: ResolvedRange | undefined },
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const path = `files/${encodeURIComponent(key)}/revisions/${encodeURIComponent(revision)}`
  const response = await http({
    operation: 'revisions.download',
    method: 'GET',
    url: `${rootUrl}drive/v3/${path}?alt=media`,
    headers: range ? { range: rangeHeader(range) } : {},
    signal,
  })
  return response.body
}

function download(
  { http, rootUrl }: DriveParts,
  key: ObjectKey,
  range: ResolvedRange | undefined,
  signal?: AbortSignal,
): Promise<HttpResponse> {
  return http({
    operation: 'files.download',
    method: 'GET',
    url: `${rootUrl}drive/v3/files/${encodeURIComponent(key)}?alt=media&supportsAllDrives=true`,
    headers: range ? { range: rangeHeader(range) } : {},
    expect: [416],
    signal,
  })
}
