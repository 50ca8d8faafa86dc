import { graphError } from './errors.ts'
import { decodePath } from '../drive/names.ts'

/** Where a drive request starts from, before any path below it. */
export type Anchor = { at: 'root' } | { at: 'item'; id: string } | { at: 'special'; name: string }

/** A Graph drive URL taken apart. `anchor` is null for the drive itself. */
export interface Address {
  /** Null for `/me/drive`. */
  driveId: string | null
  anchor: Anchor | null
  /** Decoded names below the anchor, empty for the anchor itself. */
  path: string[]
  /** What is asked of the item: empty, `children`, `content`, `createUploadSession`, ... */
  action: string
  /** The version that the action is asked of, where it is a version's: `versions/{id}/content`. */
  version: string | null
  /** The text in an action's brackets, as in `search(q='x')` and `delta(token='x')`. */
  argument: string | null
}

const DRIVE = /^\/v1\.0\/(?:me\/drive|drives\/([^/:]+))(.*)$/u
const ANCHOR = /^\/(?:(root)|items\/([^/:]+)|special\/([^/:]+))(.*)$/u
/**
 * The official SDKs put a path into the place of an id.
 * https://github.com/microsoftgraph/msgraph-sdk-python/issues/40
 */
const ENCODED_ANCHOR = /(?<=\/items\/)[^/]*%3A[^/]*/iu
const CALL = /^([A-Za-z.]+)(?:\((?:(?:q|token)=)?'(.*)'\))?$/u

/**
 * Takes a request path apart, still percent-encoded as it came: by id, by path
 * (`root:/a/b:/content`), by name below an id (`items/{id}:/name:`), by
 * `children('name')`, or a special folder, in any combination that Graph accepts.
 * https://learn.microsoft.com/onedrive/developer/rest-api/concepts/addressing-driveitems
 *
 * @returns undefined when the path is not one of a drive
 */
export function parseAddress(pathname: string): Address | undefined {
  const drive = DRIVE.exec(pathname.replace(ENCODED_ANCHOR, unescaped))
  if (drive === null) return undefined
  const driveId = drive[1] === undefined ? null : (decodePath(drive[1])[0] ?? '')
  const rest = drive[2] ?? ''
  const anchored = ANCHOR.exec(rest)
  if (anchored === null) return { driveId, anchor: null, path: [], ...parseAction(rest) }
  const anchor = anchorOf(anchored[1], anchored[2], anchored[3])
  const { path, tail } = splitPath(anchored[4] ?? '')
  const named = /^\/children\('([^/]*)'\)(.*)$/u.exec(tail)
  if (named !== null) {
    const name = (decodePath(named[1] ?? '')[0] ?? '').replaceAll("''", "'")
    return { driveId, anchor, path: [...path, name], ...parseAction((named[2] ?? '').replace(/^:/u, '')) }
  }
  return { driveId, anchor, path, ...parseAction(tail) }
}

function unescaped(segment: string): string {
  return segment.replaceAll(/%3A/giu, ':').replaceAll(/%2F/giu, '/')
}

function anchorOf(root: string | undefined, id: string | undefined, special: string | undefined): Anchor {
  if (root !== undefined || id === 'root') return { at: 'root' }
  if (id !== undefined) return { at: 'item', id: decodePath(id)[0] ?? '' }
  return { at: 'special', name: special ?? '' }
}

/**
 * `:/a/b:/content` is the path `a/b` and the tail `/content`; the closing colon may be left out at the end.
 */
function splitPath(text: string): { path: string[]; tail: string } {
  if (!text.startsWith(':')) return { path: [], tail: text }
  const close = text.indexOf(':', 1)
  const path = close === -1 ? text.slice(1) : text.slice(1, close)
  if (path !== '' && !path.startsWith('/')) {
    throw graphError(400, 'invalidRequest', 'The path must start with a slash.', 'invalidPath')
  }
  return { path: decodePath(path), tail: close === -1 ? '' : text.slice(close + 1) }
}

function parseAction(tail: string): Pick<Address, 'action' | 'version' | 'argument'> {
  // A function without arguments may be called with its parentheses: `delta()`.
  const text = tail.replace(/^\//u, '').replace(/(?:\(\))?\/?$/u, '')
  const named = { action: text, version: null, argument: null }
  if (text === '') return named
  const version = /^versions\/([^/]+)(?:\/([A-Za-z.]+))?$/u.exec(text)
  if (version !== null) {
    const action = `version ${(version[2] ?? '').replace(/^microsoft\.graph\./u, '')}`
    return { ...named, action, version: decodePath(version[1] ?? '')[0] ?? '' }
  }
  const call = CALL.exec(text)
  if (call === null) return named
  let argument = call[2] ?? null
  if (argument !== null)
    argument = decodePath(argument.replaceAll('/', '%2F'))[0]?.replaceAll("''", "'") ?? ''
  return { ...named, action: (call[1] ?? '').replace(/^microsoft\.graph\./u, ''), argument }
}
