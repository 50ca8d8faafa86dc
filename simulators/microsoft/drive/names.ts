import { graphError } from '../graph/errors.ts'
import type { AccountKind } from './records.ts'

const FORBIDDEN = /["*:<>?/\\|\p{Cc}]/u
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d|\.lock|desktop\.ini|_vti_)$/iu
const MAX_PATH = 400
const MAX_NAME = 255

/** Names are case-insensitive and case-preserving: this is what two names are compared by. */
export function nameKey(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

/** What the index of living children is keyed by; see `openTables`. */
export function childKey(parentId: string, name: string): string {
  return `${parentId}/${nameKey(name)}`
}

/**
 * Refuses a name as OneDrive would, with 400 `invalidRequest`.
 * https://learn.microsoft.com/onedrive/developer/rest-api/concepts/addressing-driveitems
 */
export function assertName(name: string, kind: AccountKind): void {
  const bad =
    name === '' ||
    name.length > MAX_NAME ||
    FORBIDDEN.test(name) ||
    name.startsWith(' ') ||
    name.endsWith(' ') ||
    name.endsWith('.') ||
    RESERVED.test(name) ||
    name.toLowerCase().includes('_vti_') ||
    (kind === 'business' && name.startsWith('~'))
  if (bad) throw graphError(400, 'invalidRequest', 'The provided name cannot be used.', 'invalidPath')
}

/**
 * Splits a path as it stands in a URL into decoded segments. Each segment is percent-decoded once.
 * Throws 400 for a malformed escape and for a decoded path of 400 characters or more.
 */
export function decodePath(path: string): string[] {
  let segments: string[]
  try {
    segments = path
      .split('/')
      .filter((segment) => segment !== '')
      .map((segment) => decodeURIComponent(segment))
  } catch {
    throw graphError(400, 'invalidRequest', 'The path is not valid percent-encoded UTF-8.', 'invalidPath')
  }
  if (segments.join('/').length >= MAX_PATH) {
    throw graphError(400, 'invalidRequest', 'The path is too long.', 'pathIsTooLong')
  }
  return segments
}

/** `report.txt` becomes `report 1.txt`: how `rename` finds a free name. */
export function numberedName(name: string, n: number): string {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? `${name.slice(0, dot)} ${n}${name.slice(dot)}` : `${name} ${n}`
}
