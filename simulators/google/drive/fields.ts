import { driveError } from './errors.ts'

/** Which fields a response type has; `true` is a leaf, or an object whose inside is not checked. */
export type Schema = { readonly [field: string]: Schema | true }

/** What of it was asked for. */
export type Mask = true | Map<string, Mask>

const user: Schema = {
  kind: true,
  displayName: true,
  photoLink: true,
  me: true,
  permissionId: true,
  emailAddress: true,
}
const capabilities: Schema = leaves(
  `canAcceptOwnership canAddChildren canAddFolderFromAnotherDrive canAddMyDriveParent canChangeCopyRequiresWriterPermission
   canChangeCopyRequiresWriterPermissionRestriction canChangeItemDownloadRestriction canChangeSecurityUpdateEnabled
   canChangeViewersCanCopyContent canComment canCopy canDelete canDeleteChildren canDisableInheritedPermissions canDownload
   canEdit canEnableInheritedPermissions canListChildren canModifyContent canModifyContentRestriction
   canModifyEditorContentRestriction canModifyLabels canModifyOwnerContentRestriction canMoveChildrenOutOfDrive
   canMoveChildrenOutOfTeamDrive canMoveChildrenWithinDrive canMoveChildrenWithinTeamDrive canMoveItemIntoTeamDrive
   canMoveItemOutOfDrive canMoveItemOutOfTeamDrive canMoveItemWithinDrive canMoveItemWithinTeamDrive canMoveTeamDriveItem
   canReadDrive canReadLabels canReadRevisions canReadTeamDrive canRemoveChildren canRemoveContentRestriction
   canRemoveMyDriveParent canRename canShare canTrash canTrashChildren canUntrash`,
)

/** https://developers.google.com/workspace/drive/api/reference/rest/v3/files#File */
export const FILE_SCHEMA: Schema = {
  ...leaves(
    `kind id name mimeType description starred trashed explicitlyTrashed trashedTime parents properties appProperties spaces
     version webContentLink webViewLink iconLink hasThumbnail thumbnailLink thumbnailVersion viewedByMe viewedByMeTime
     createdTime modifiedTime modifiedByMe modifiedByMeTime sharedWithMeTime shared ownedByMe driveId teamDriveId
     viewersCanCopyContent copyRequiresWriterPermission writersCanShare permissionIds hasAugmentedPermissions folderColorRgb
     originalFilename fullFileExtension fileExtension md5Checksum sha1Checksum sha256Checksum size quotaBytesUsed
     headRevisionId isAppAuthorized exportLinks resourceKey contentRestrictions permissions contentHints imageMediaMetadata
     videoMediaMetadata linkShareMetadata labelInfo downloadRestrictions inheritedPermissionsDisabled clientEncryptionDetails`,
  ),
  owners: user,
  lastModifyingUser: user,
  sharingUser: user,
  trashingUser: user,
  capabilities,
  shortcutDetails: { targetId: true, targetMimeType: true, targetResourceKey: true },
}
export const LIST_SCHEMA: Schema = {
  kind: true,
  nextPageToken: true,
  incompleteSearch: true,
  files: FILE_SCHEMA,
}
/** https://developers.google.com/workspace/drive/api/reference/rest/v3/changes#Change */
export const CHANGES_SCHEMA: Schema = {
  kind: true,
  nextPageToken: true,
  newStartPageToken: true,
  changes: {
    ...leaves('kind type changeType time removed fileId driveId teamDriveId'),
    file: FILE_SCHEMA,
    drive: true,
    teamDrive: true,
  },
}
export const START_SCHEMA: Schema = { kind: true, startPageToken: true }
/** https://developers.google.com/workspace/drive/api/reference/rest/v3/revisions#Revision */
export const REVISION_SCHEMA: Schema = {
  ...leaves(
    `kind id mimeType modifiedTime keepForever published publishedLink publishAuto publishedOutsideDomain
     originalFilename md5Checksum size exportLinks`,
  ),
  lastModifyingUser: user,
}
export const REVISIONS_SCHEMA: Schema = { kind: true, nextPageToken: true, revisions: REVISION_SCHEMA }
export const IDS_SCHEMA: Schema = { kind: true, space: true, ids: true }
export const DRIVES_SCHEMA: Schema = { kind: true, nextPageToken: true, drives: true }
export const ABOUT_SCHEMA: Schema = {
  ...leaves(
    `kind importFormats exportFormats maxImportSizes maxUploadSize appInstalled folderColorPalette driveThemes
     teamDriveThemes canCreateDrives canCreateTeamDrives`,
  ),
  user,
  storageQuota: { limit: true, usage: true, usageInDrive: true, usageInDriveTrash: true },
}

/** What comes without `fields`. */
export const FILE_DEFAULT = 'kind,id,name,mimeType'
export const CHANGES_DEFAULT =
  'kind,nextPageToken,newStartPageToken,changes(kind,type,changeType,time,removed,fileId,file(kind,id,name,mimeType))'
export const REVISION_DEFAULT = 'kind,id,mimeType,modifiedTime'
export const REVISIONS_DEFAULT = `kind,nextPageToken,revisions(${REVISION_DEFAULT})`
export const LIST_DEFAULT = 'kind,nextPageToken,incompleteSearch,files(kind,id,name,mimeType,resourceKey)'

/**
 * Parses a `fields` mask: `a,b/c,d(e,f),*`.
 * @throws 400 invalidParameter naming the selection that does not exist
 */
export function parseFields(text: string, schema: Schema): Mask {
  const reader = { text: text.replaceAll(/\s+/g, ''), at: 0 }
  const mask = readList(reader, schema)
  if (reader.at < reader.text.length) throw badSelection(reader.text)
  return mask
}

/** The part of `value` that the mask asks for; lists are masked element by element. */
export function applyMask(value: unknown, mask: Mask): unknown {
  if (mask === true || value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((element) => applyMask(element, mask))
  const chosen = Object.entries(value).flatMap(([name, inner]) => {
    const part = mask.get(name) ?? (mask.has('*') ? true : undefined)
    return part === undefined || inner === undefined ? [] : [[name, applyMask(inner, part)] as const]
  })
  return Object.fromEntries(chosen)
}

interface Reader {
  text: string
  at: number
}

function readList(reader: Reader, schema: Schema | true): Mask {
  const mask = new Map<string, Mask>()
  do {
    const [name, part] = readPath(reader, schema)
    mask.set(name, join(mask.get(name), part))
  } while (take(reader, ','))
  return mask
}

function readPath(reader: Reader, schema: Schema | true): [string, Mask] {
  const name = /^(?:\*|\w+)/.exec(reader.text.slice(reader.at))?.[0]
  if (name === undefined) throw badSelection(reader.text)
  reader.at += name.length
  const inner = schema === true || name === '*' ? true : schema[name]
  if (inner === undefined) throw badSelection(name)
  if (take(reader, '/')) {
    const [below, part] = readPath(reader, inner)
    return [name, new Map([[below, part]])]
  }
  if (!take(reader, '(')) return [name, true]
  const list = readList(reader, inner)
  if (!take(reader, ')')) throw badSelection(reader.text)
  return [name, list]
}

function take(reader: Reader, character: string): boolean {
  if (reader.text[reader.at] !== character) return false
  reader.at += 1
  return true
}

function join(a: Mask | undefined, b: Mask): Mask {
  if (a === undefined || a === true || b === true) return a === true ? true : b
  const merged = new Map(a)
  for (const [name, part] of b) merged.set(name, join(merged.get(name), part))
  return merged
}

function badSelection(selection: string): Error {
  return driveError(400, 'invalidParameter', {
    message: `Invalid field selection ${selection}`,
    location: 'fields',
    locationType: 'parameter',
  })
}

function leaves(names: string): Record<string, true> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, true]))
}
