import type { Exchange } from '../../kernel/exchange.ts'
import { eTagOf } from '../drive/drive-item.ts'
import { graphError, itemNotFound } from './errors.ts'
import { headerOf } from './call.ts'
import { checkLink, downloadSubject, hasContentHost } from '../drive/links.ts'
import type { Context } from '../drive/records.ts'
import { isAlive } from '../drive/tree.ts'
import { versionOf } from '../drive/versions.ts'

/**
 * A pre-authenticated download: no bearer wanted, one range honoured, 401 once the URL has outlived its hour.
 * https://learn.microsoft.com/graph/api/driveitem-get-content
 */
export async function download(context: Context, x: Exchange): Promise<void> {
  const id = x.url.searchParams.get('UniqueId') ?? ''
  const version = x.url.searchParams.get('Version')
  const credential = x.url.searchParams.get('tempauth') ?? ''
  const link = checkLink(context.secret, downloadSubject(id, version), credential)
  const bearer = x.req.headers.authorization !== undefined
  if (!link.valid || (bearer && hasContentHost(x.origin))) {
    throw graphError(401, 'unauthenticated', 'The caller is not authenticated.', 'invalidToken')
  }
  if (link.expiresAt <= context.clock.now()) {
    throw graphError(401, 'unauthenticated', 'The access token has expired.', 'expiredToken')
  }
  const item = context.tables.items.get(id)
  if (item === undefined || !isAlive(context.tables, item)) throw itemNotFound()
  const { blob, size, mimeType } = version === null ? item : versionOf(context.tables, item, version)
  if (blob === null) throw itemNotFound()
  x.account = item.account
  const headers = {
    'content-type': mimeType,
    'accept-ranges': 'bytes',
    etag: eTagOf(item),
    'last-modified': new Date(item.modifiedAt).toUTCString(),
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(item.name)}`,
  }
  const wanted = parseRange(ifRange(x, eTagOf(item)) ? headerOf(x, 'range') : null, size)
  if (wanted === 'unsatisfiable') {
    throw graphError(416, 'invalidRange', 'The requested range is not satisfiable.', undefined, {
      'content-range': `bytes */${size}`,
    })
  }
  if (wanted === 'all') {
    await x.send(200, { ...headers, 'content-length': String(size) }, context.blobs.read(blob))
    return
  }
  const { start, end } = wanted
  const partial = {
    'content-range': `bytes ${start}-${end}/${size}`,
    'content-length': String(end - start + 1),
  }
  await x.send(206, { ...headers, ...partial }, context.blobs.read(blob, wanted))
}

/** Whether a range may be honoured: `If-Range` with another eTag asks for everything instead. */
function ifRange(x: Exchange, eTag: string): boolean {
  const condition = headerOf(x, 'if-range')
  return condition === null || condition === eTag
}

/**
 * One `bytes=` range, both ends included. Anything that is no
 * single byte range is ignored, as RFC 9110 allows.
 */
export function parseRange(
  header: string | null,
  size: number,
): 'all' | 'unsatisfiable' | { start: number; end: number } {
  const match = /^bytes=(\d*)-(\d*)$/u.exec(header?.trim() ?? '')
  if (match === null) return 'all'
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return 'all'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'all'
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}
