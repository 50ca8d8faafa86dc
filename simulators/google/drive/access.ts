import type { Exchange } from '../../kernel/exchange.ts'
import { liveAccess } from '../oauth/grants.ts'
import type { Account, DriveFile, GoogleState } from '../state.ts'
import { ensureAccount } from '../state.ts'
import { fileNotFound, insufficientScopes, invalidCredentials, loginRequired } from './errors.ts'

/** Who is calling, and what his token lets the application see and do. */
export interface Caller {
  account: Account
  project: string
  /** sees every file; otherwise only what the project created or opened (`drive.file`) */
  everything: boolean
  /** may write */
  write: boolean
  /** may read content, not only metadata */
  content: boolean
  appData: boolean
}

export const FOLDER = 'application/vnd.google-apps.folder'
export const SHORTCUT = 'application/vnd.google-apps.shortcut'

const PREFIX = 'https://www.googleapis.com/auth/drive'
const READ_ALL = new Set(['', '.readonly', '.metadata', '.metadata.readonly'])

/** The bearer of the Authorization header, or of the `access_token` parameter. */
export function bearerOf(x: Exchange): string | undefined {
  const header = x.req.headers.authorization
  if (header !== undefined) return /^Bearer (.+)$/i.exec(header)?.[1] ?? ''
  return x.url.searchParams.get('access_token') ?? undefined
}

/** Authenticates a Drive call, or throws Drive's own 401 or 403. */
export function authenticate(
  state: GoogleState,
  x: Exchange,
  need: 'read' | 'content' | 'write' = 'read',
): Caller {
  const bearer = bearerOf(x)
  if (bearer === undefined) throw loginRequired()
  const token = liveAccess(state, bearer)
  if (token === undefined) throw invalidCredentials()
  x.account = token.account
  const kinds = token.scopes
    .filter((scope) => scope.startsWith(PREFIX))
    .map((scope) => scope.slice(PREFIX.length))
  const write = kinds.some(
    (kind) => kind === '' || kind === '.file' || kind === '.appdata' || kind === '.appfolder',
  )
  const caller: Caller = {
    account: ensureAccount(state, token.account),
    project: token.project,
    everything: kinds.some((kind) => READ_ALL.has(kind)),
    write,
    content: write || kinds.includes('.readonly'),
    appData: kinds.includes('.appdata') || kinds.includes('.appfolder'),
  }
  const allowed = { read: caller.everything || write, content: caller.content, write }[need]
  if (!allowed) throw insufficientScopes()
  return caller
}

/** Whether the application may know of the file. Other projects' application data never shows. */
export function isVisible(caller: Caller, file: DriveFile): boolean {
  if (file.account !== caller.account.email) return false
  if (file.space === 'appDataFolder') return caller.appData && file.projects.includes(caller.project)
  return caller.everything || file.projects.includes(caller.project)
}

/** The file by id or alias (`root`, `appDataFolder`), or 404 as for one that does not exist. */
export function visibleFile(state: GoogleState, caller: Caller, id: string): DriveFile {
  const root = rootFolder(caller, id)
  // With drive.file the root is not among the files that the application may open.
  if (root !== undefined && (root.space === 'appDataFolder' || caller.everything)) return root
  const file = state.files.get(id)
  if (file === undefined || !isVisible(caller, file)) throw fileNotFound(id)
  return file
}

/** The id of the folder for application data, one for each project. */
export function appDataId(caller: Caller): string {
  return `1appdata${caller.account.permissionId}${caller.project}`
}

/** The My Drive root or the application data folder as a file; undefined for any other id. */
export function rootFolder(caller: Caller, id: string): DriveFile | undefined {
  const { account } = caller
  const appData = id === 'appDataFolder' || id === appDataId(caller)
  if (appData && !caller.appData) return undefined
  if (!appData && id !== 'root' && id !== account.rootId) return undefined
  return {
    id: appData ? appDataId(caller) : account.rootId,
    account: account.email,
    space: appData ? 'appDataFolder' : 'drive',
    name: appData ? 'Application Data' : 'My Drive',
    mimeType: FOLDER,
    parent: '',
    starred: false,
    trashed: false,
    createdTime: 0,
    modifiedTime: 0,
    version: 1,
    copyRequiresWriterPermission: false,
    writersCanShare: true,
    properties: {},
    appProperties: {},
    projects: [],
  }
}

/** Turns `root` and `appDataFolder` into ids; another folder must be visible and a folder. */
export function resolveParent(
  state: GoogleState,
  caller: Caller,
  id: string,
): { id: string; space: DriveFile['space'] } {
  const root = rootFolder(caller, id)
  if (root !== undefined) return { id: root.id, space: root.space }
  const { space } = visibleFile(state, caller, id)
  return { id, space }
}

/**
 * Whether the file or a folder above it is in the trash. `memo` carries answers for folders between calls.
 */
export function isTrashed(state: GoogleState, file: DriveFile, memo = new Map<string, boolean>()): boolean {
  if (file.trashed) return true
  const known = memo.get(file.parent)
  if (known !== undefined) return known
  const parent = state.files.get(file.parent)
  const answer = parent !== undefined && isTrashed(state, parent, memo)
  memo.set(file.parent, answer)
  return answer
}
