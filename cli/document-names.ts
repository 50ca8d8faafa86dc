import { extname } from 'node:path'

/** A file name's extension as the API takes it, or the empty string. */
export function extensionOf(path: string): string {
  const extension = extname(path)
  return /^\.[A-Za-z0-9]{1,16}$/.test(extension) ? extension : ''
}

/**
 * A documentId for each path, the same at every run: the path without its extension, with `-` for what
 * an id cannot hold. Paths that would meet keep their extension, and a number when that is not enough.
 */
export function documentIds(paths: readonly string[]): Map<string, string> {
  const ids = new Map<string, string>()
  const taken = new Set<string>()
  const plain = Map.groupBy(paths, (path) => slug(path.slice(0, path.length - extensionOf(path).length)))
  for (const [id, sharers] of plain) {
    for (const path of sharers) {
      const wanted = sharers.length === 1 ? id : slug(path)
      let unique = wanted
      for (let number = 2; taken.has(unique); number += 1) unique = `${wanted.slice(0, 120)}-${number}`
      taken.add(unique)
      ids.set(path, unique)
    }
  }
  return ids
}

function slug(path: string): string {
  const safe = path
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/-+$/, '')
  return safe === '' ? 'document' : safe.slice(0, 128)
}

const types: Readonly<Record<string, string>> = {
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.heic': 'image/heic',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.md': 'text/markdown',
  '.csv': 'text/csv',
  '.html': 'text/html',
  '.json': 'application/json',
  '.xml': 'application/xml',
  '.zip': 'application/zip',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.doc': 'application/msword',
  '.xls': 'application/vnd.ms-excel',
  '.ppt': 'application/vnd.ms-powerpoint',
  '.docx': 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  '.pptx': 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
}

/** The media type that a file's name speaks of. */
export function contentTypeOf(path: string): string {
  return types[extensionOf(path).toLowerCase()] ?? 'application/octet-stream'
}
