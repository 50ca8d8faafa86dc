import type { Exchange } from '../../kernel/exchange.ts'
import type { Account, DriveFile, GoogleState } from '../state.ts'
import type { Caller } from './access.ts'
import { FOLDER, isTrashed, SHORTCUT } from './access.ts'
import { applyMask, FILE_DEFAULT, FILE_SCHEMA, parseFields } from './fields.ts'

const DOCS = 'application/vnd.google-apps.'

/** Whether the file is one of Google's own kinds, without binary content: documents, folders, shortcuts. */
export function isNative(mimeType: string): boolean {
  return mimeType.startsWith(DOCS)
}

/** The `fields` of a request, checked before any work is done. */
export function requestedFields(query: URLSearchParams): ReturnType<typeof parseFields> {
  return parseFields(query.get('fields') || FILE_DEFAULT, FILE_SCHEMA)
}

/** Answers with the file as the mask of the query wants it. */
export function answerFile(state: GoogleState, caller: Caller, x: Exchange, file: DriveFile): Promise<void> {
  return x.json(200, applyMask(toResource(state, caller, file), requestedFields(x.url.searchParams)), {
    'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
  })
}

/**
 * The whole File resource as the caller sees it. 64-bit numbers are strings.
 * https://developers.google.com/workspace/drive/api/reference/rest/v3/files#File
 */
export function toResource(
  state: GoogleState,
  caller: Caller,
  file: DriveFile,
  memo?: Map<string, boolean>,
): Record<string, unknown> {
  const { account } = caller
  const isRoot = file.parent === ''
  const trashed = isTrashed(state, file, memo)
  const owner = toUser(account)
  const own = file.appProperties[caller.project]
  return {
    kind: 'drive#file',
    id: file.id,
    name: file.name,
    mimeType: file.mimeType,
    description: file.description,
    starred: file.starred,
    trashed,
    explicitlyTrashed: file.trashed,
    trashedTime: file.trashedTime === undefined ? undefined : time(file.trashedTime),
    trashingUser: file.trashed ? owner : undefined,
    parents: isRoot ? undefined : [file.parent],
    properties: orNothing(file.properties),
    appProperties: own === undefined ? undefined : orNothing(own),
    spaces: [file.space],
    version: String(file.version),
    webContentLink:
      file.content === undefined ? undefined : `https://drive.google.com/uc?id=${file.id}&export=download`,
    webViewLink: viewLink(file),
    iconLink: `https://drive-thirdparty.googleusercontent.com/16/type/${file.mimeType}`,
    hasThumbnail: false,
    thumbnailVersion: '0',
    viewedByMe: true,
    viewedByMeTime: time(file.createdTime),
    createdTime: time(file.createdTime),
    modifiedTime: time(file.modifiedTime),
    modifiedByMe: true,
    modifiedByMeTime: time(file.modifiedTime),
    owners: [owner],
    lastModifyingUser: owner,
    shared: false,
    ownedByMe: true,
    capabilities: toCapabilities(file, trashed, isRoot),
    viewersCanCopyContent: !file.copyRequiresWriterPermission,
    copyRequiresWriterPermission: file.copyRequiresWriterPermission,
    writersCanShare: file.writersCanShare,
    permissions: [ownerPermission(account)],
    permissionIds: [account.permissionId],
    folderColorRgb: file.mimeType === FOLDER ? (file.folderColorRgb ?? '#8f8f8f') : undefined,
    contentHints: file.contentHints,
    shortcutDetails:
      file.shortcutTarget === undefined
        ? undefined
        : { targetId: file.shortcutTarget, targetMimeType: state.files.get(file.shortcutTarget)?.mimeType },
    quotaBytesUsed: String(file.content?.size ?? 0),
    isAppAuthorized: file.projects.includes(caller.project),
    ...toContentFields(file),
  }
}

/** The account as Drive shows a user. */
export function toUser(account: Account): Record<string, unknown> {
  return {
    kind: 'drive#user',
    displayName: account.displayName,
    me: true,
    permissionId: account.permissionId,
    emailAddress: account.email,
  }
}

function toContentFields(file: DriveFile): Record<string, unknown> {
  const { content } = file
  if (content === undefined) return {}
  const extension = /\.([^./]+)$/.exec(file.name)?.[1] ?? ''
  return {
    originalFilename: file.originalFilename ?? file.name,
    fullFileExtension: extension,
    fileExtension: extension,
    md5Checksum: content.md5,
    sha1Checksum: content.sha1,
    sha256Checksum: content.sha256,
    size: String(content.size),
    headRevisionId: content.revision,
  }
}

function toCapabilities(file: DriveFile, trashed: boolean, isRoot: boolean): Record<string, boolean> {
  const folder = file.mimeType === FOLDER
  return {
    canAddChildren: folder && !trashed,
    canCopy: !folder,
    canDelete: !isRoot,
    canDownload: !folder && file.mimeType !== SHORTCUT,
    canEdit: true,
    canListChildren: folder,
    canModifyContent: !folder,
    canMoveItemWithinDrive: !isRoot,
    canReadRevisions: !folder,
    canRemoveChildren: folder,
    canRename: !isRoot,
    canShare: !isRoot,
    canTrash: !isRoot && !trashed,
    canUntrash: file.trashed,
  }
}

function ownerPermission(account: Account): Record<string, unknown> {
  return {
    kind: 'drive#permission',
    id: account.permissionId,
    type: 'user',
    role: 'owner',
    emailAddress: account.email,
    displayName: account.displayName,
    deleted: false,
    pendingOwner: false,
  }
}

function viewLink(file: DriveFile): string {
  if (file.mimeType === FOLDER) return `https://drive.google.com/drive/folders/${file.id}`
  return `https://drive.google.com/file/d/${file.id}/view?usp=drivesdk`
}

function orNothing(map: Record<string, string>): Record<string, string> | undefined {
  return Object.keys(map).length === 0 ? undefined : map
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
