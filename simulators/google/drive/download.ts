import type { Exchange } from '../../kernel/exchange.ts'
import type { Content, GoogleState } from '../state.ts'
import { authenticate, visibleFile } from './access.ts'
import { driveError, envelope, invalidParameter } from './errors.ts'
import { answerFile, isNative } from './resource.ts'

const EXPORT = new Set([
  'application/vnd.google-apps.document',
  'application/vnd.google-apps.spreadsheet',
  'application/vnd.google-apps.presentation',
  'application/vnd.google-apps.drawing',
])

/** `GET /drive/v3/files/{id}`: metadata, or the bytes with `alt=media`. */
export async function getFile(state: GoogleState, x: Exchange): Promise<void> {
  const media = x.url.searchParams.get('alt') === 'media'
  const caller = authenticate(state, x, media ? 'content' : 'read')
  const file = visibleFile(state, caller, x.params['id'] ?? '')
  if (!media) return answerFile(state, caller, x, file)
  if (isNative(file.mimeType)) throw driveError(403, 'fileNotDownloadable')
  return sendContent(state, x, file.content, file.mimeType)
}

/** The bytes, or the range of them that was asked for; 403 where there are none. */
export async function sendContent(
  state: GoogleState,
  x: Exchange,
  content: Content | undefined,
  mimeType: string,
): Promise<void> {
  if (content === undefined) throw driveError(403, 'fileNotDownloadable')
  if (x.url.searchParams.get('acknowledgeAbuse') === 'true')
    throw driveError(403, 'invalidAbuseAcknowledgment')
  const headers = {
    'content-type': mimeType,
    'content-disposition': 'attachment',
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=0, must-revalidate',
  }
  const range = parseRange(x.req.headers.range, content.size)
  if (range === 'unsatisfiable') {
    const { body } = envelope(416)
    return x.json(416, body, { 'content-range': `bytes */${content.size}` })
  }
  if (range === undefined) {
    const bytes = content.size === 0 ? Buffer.alloc(0) : state.blobs.read(content.blob)
    return x.send(200, { ...headers, 'content-length': String(content.size) }, bytes)
  }
  const { start, end } = range
  const partial = {
    ...headers,
    'content-length': String(end - start + 1),
    'content-range': `bytes ${start}-${end}/${content.size}`,
  }
  return x.send(206, partial, state.blobs.read(content.blob, range))
}

/**
 * `GET /drive/v3/files/{id}/export`: only Docs-editor files, which
 * are empty here; everything else is refused.
 */
export async function exportFile(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'content')
  const file = visibleFile(state, caller, x.params['id'] ?? '')
  if (!EXPORT.has(file.mimeType)) {
    throw driveError(403, 'fileNotExportable', {
      message: 'Export only supports Docs Editors files.',
      location: 'fileId',
      locationType: 'parameter',
    })
  }
  const type = x.url.searchParams.get('mimeType')
  if (!type) throw invalidParameter('mimeType', 'Required parameter: mimeType', 'required')
  await x.send(200, { 'content-type': type }, Buffer.alloc(0))
}

/**
 * One byte range: `bytes=a-b`, `bytes=a-`, `bytes=-n`. What is no such thing, or several
 * ranges, is ignored and the whole file sent. On an empty file nothing is satisfiable.
 */
function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(Number(last), size)
    return count === 0 ? 'unsatisfiable' : { start: size - count, end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}
