import * as z from 'zod/mini'
import type { DriveFile, GoogleState } from '../state.ts'
import { isGeneratedId, newFileId } from '../state.ts'
import type { Caller } from './access.ts'
import { resolveParent, SHORTCUT } from './access.ts'
import { driveError, invalidParameter } from './errors.ts'
import { isNative } from './resource.ts'

const properties = z.optional(z.nullable(z.record(z.string(), z.nullable(z.string()))))
const text = z.optional(z.nullable(z.string()))
const flag = z.optional(z.nullable(z.boolean()))
const moment = z.optional(z.nullable(z.string()))

/**
 * The writable part of a File resource in a request; unknown and
 * read-only fields are ignored, as Drive ignores most.
 */
const fileBody = z.object({
  id: text,
  name: text,
  mimeType: text,
  description: text,
  parents: z.optional(z.nullable(z.array(z.string()))),
  properties,
  appProperties: properties,
  createdTime: moment,
  modifiedTime: moment,
  starred: flag,
  trashed: flag,
  originalFilename: text,
  folderColorRgb: text,
  copyRequiresWriterPermission: flag,
  viewersCanCopyContent: flag,
  writersCanShare: flag,
  contentHints: z.optional(z.unknown()),
  shortcutDetails: z.optional(z.nullable(z.object({ targetId: z.string() }))),
})

export type FileBody = z.infer<typeof fileBody>

/** Parses a metadata body; nothing at all means no metadata. */
export function parseBody(value: unknown): FileBody {
  const parsed = fileBody.safeParse(value ?? {})
  if (!parsed.success) throw driveError(400, 'badRequest', { message: 'Invalid JSON payload received.' })
  return parsed.data
}

/** Reads a JSON text as a metadata body. */
export function parseBodyText(json: string): FileBody {
  try {
    return parseBody(json.trim() === '' ? {} : JSON.parse(json))
  } catch (error) {
    if (error instanceof SyntaxError) throw driveError(400, 'parseError', { message: 'Parse Error' })
    throw error
  }
}

/**
 * The new file that a create describes: id checked or made, parent
 * resolved, limits held. Nothing is stored yet.
 * @param mediaType the content's own type, when there is content; undefined for metadata-only
 */
export function newFile(
  state: GoogleState,
  caller: Caller,
  body: FileBody,
  mediaType: string | undefined,
): DriveFile {
  const now = state.clock.now()
  const parents = body.parents ?? []
  if (parents.length > 1)
    throw driveError(400, 'invalid', { message: 'A shared drive item must have exactly one parent.' })
  const parent = resolveParent(state, caller, parents[0] ?? 'root')
  const mimeType = body.mimeType || mediaType || 'application/octet-stream'
  const file: DriveFile = {
    id: chooseId(state, caller, body, mimeType),
    account: caller.account.email,
    space: parent.space,
    name: body.name || 'Untitled',
    mimeType,
    parent: parent.id,
    starred: false,
    trashed: false,
    createdTime: parseTime(body.createdTime, 'createdTime') ?? now,
    modifiedTime: now,
    version: 1,
    copyRequiresWriterPermission: false,
    writersCanShare: true,
    properties: {},
    appProperties: {},
    projects: [caller.project],
    ...(mimeType === SHORTCUT && body.shortcutDetails
      ? { shortcutTarget: body.shortcutDetails.targetId }
      : {}),
  }
  return applyBody(state, caller, file, body)
}

/** The file with the writable fields of `body` taken over; `modifiedTime` moves to now unless it is set. */
export function applyBody(state: GoogleState, caller: Caller, file: DriveFile, body: FileBody): DriveFile {
  const now = state.clock.now()
  const own = mergeProperties(file.appProperties[caller.project] ?? {}, body.appProperties, 'appProperties')
  const trashed = body.trashed ?? file.trashed
  const { trashedTime, ...rest } = file
  return {
    ...rest,
    ...(body.name ? { name: body.name } : {}),
    ...(body.mimeType ? { mimeType: body.mimeType } : {}),
    ...given('description', body.description),
    ...given('originalFilename', body.originalFilename),
    ...given('folderColorRgb', body.folderColorRgb),
    ...given('starred', body.starred),
    ...given('writersCanShare', body.writersCanShare),
    ...given('copyRequiresWriterPermission', body.copyRequiresWriterPermission),
    ...(body.contentHints === undefined ? {} : { contentHints: body.contentHints }),
    modifiedTime: parseTime(body.modifiedTime, 'modifiedTime') ?? now,
    properties: mergeProperties(file.properties, body.properties, 'properties'),
    appProperties:
      Object.keys(own).length === 0 && !file.appProperties[caller.project]
        ? file.appProperties
        : { ...file.appProperties, [caller.project]: own },
    trashed,
    ...(trashed ? { trashedTime: trashedTime ?? now } : {}),
  }
}

/** Refuses an id that another file has, or had: the answer to a repeated create. */
export function refuseUsedId(state: GoogleState, id: string): void {
  if (state.files.get(id) !== undefined || state.usedIds.get(id) !== undefined)
    throw driveError(409, 'fileIdInUse')
}

// https://developers.google.com/workspace/drive/api/guides/create-file#use-pre-generated-ids
function chooseId(state: GoogleState, caller: Caller, body: FileBody, mimeType: string): string {
  const { id } = body
  if (!id) return newFileId(state, caller.account.email)
  const usable = !isNative(mimeType) || /\.(folder|shortcut|drive-sdk.*)$/.test(mimeType)
  refuseUsedId(state, id)
  if (!usable || !isGeneratedId(state, caller.account.email, id)) {
    throw driveError(400, 'invalid', {
      message: 'The provided file ID is not usable.',
      location: 'file.id',
      locationType: 'other',
    })
  }
  return id
}

// https://developers.google.com/workspace/drive/api/guides/properties:
// 124 bytes for key and value, 30 of each kind per app.
function mergeProperties(
  before: Record<string, string>,
  change: Record<string, string | null> | null | undefined,
  location: string,
): Record<string, string> {
  if (!change) return before
  const merged = new Map(Object.entries(before))
  for (const [key, value] of Object.entries(change)) {
    if (value === null) merged.delete(key)
    else merged.set(key, value)
    if (Buffer.byteLength(key + (value ?? '')) > 124) {
      throw invalidParameter(location, 'Property key and value together exceed the limit of 124 bytes.')
    }
  }
  if (merged.size > 30)
    throw invalidParameter(location, 'The limit of 30 properties for one application is exceeded.')
  return Object.fromEntries(merged)
}

function parseTime(value: string | null | undefined, location: string): number | undefined {
  if (!value) return undefined
  const ms = Date.parse(value)
  if (Number.isNaN(ms)) throw invalidParameter(location)
  return ms
}

function given<K extends string, V>(name: K, value: V | null | undefined): Partial<Record<K, V>> {
  const part: Partial<Record<K, V>> = {}
  if (value !== undefined && value !== null) part[name] = value
  return part
}
