import type { Change, DocumentRow, Target } from '../catalog/document.ts'
import type { Connection } from '../catalog/connections.ts'
import { isServiceError } from '../errors.ts'
import type { ConnectionId, DocumentId, Extension, NewId, UserId } from '../ids.ts'
import { objectKey } from '../ids.ts'
import type { CallOptions, Driver, ObjectEntry, Plan } from '../storage/driver.ts'
import { atFreeName, markedName } from '../storage/free-name.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { HallDeps, HallSettings } from './hall.ts'

/** How files are named, and what makes ids. */
export interface Placing {
  readonly driver: Driver
  readonly newId: NewId
  readonly settings: Pick<HallSettings, 'driveNames'>
}

/** What a change makes of a document: what its file is named by. */
interface Wanted {
  readonly documentId: DocumentId
  readonly extension: Extension
  readonly name?: string | undefined
}

/** What a document's file is called where nothing else has the name. */
export function fileOf(
  { driver, settings }: Pick<Placing, 'driver' | 'settings'>,
  { documentId, extension, name }: Wanted,
): Pick<Target, 'file' | 'numbered'> {
  if (name === undefined || !settings.driveNames) return { file: `${documentId}${extension}` }
  return { file: driver.traits.legal?.(name) ?? name, numbered: true }
}

/**
 * Where a change goes: over what stands, else into a new object. The unused key of the change before is
 * taken over, so that two writers make one object; only a key that has to be asked for costs a call.
 */
export async function placeFor(
  placing: Placing,
  seen: DocumentRow | undefined,
  wanted: Wanted & { readonly connectionId: ConnectionId },
  options: CallOptions = {},
): Promise<Target> {
  const called = fileOf(placing, { ...wanted, name: wanted.name ?? seen?.name })
  if (seen?.standing && seen.objectKey !== undefined) return replacing(placing, seen, called)
  const before = (seen?.change ?? seen?.aside)?.target
  const mine = seen?.connectionId === wanted.connectionId ? before : undefined
  if (mine?.kind === 'new' && mine.objectKey !== undefined) return { ...mine, ...called }
  return await freshPlace(placing.driver, called, options)
}

/** The same, if the drive says so now; else the attempt finds out, and tells why it cannot. */
export async function placeNow(
  deps: Pick<HallDeps, 'openDriver' | 'newId' | 'settings'>,
  connection: Connection,
  ...[seen, wanted]: [Parameters<typeof placeFor>[1], Parameters<typeof placeFor>[2]]
): Promise<Target | undefined> {
  if (connection.status !== 'active') return undefined
  try {
    return await placeFor({ ...deps, driver: await deps.openDriver(connection) }, seen, wanted)
  } catch (error) {
    if (!isServiceError(error)) throw error
    return undefined
  }
}

/** A place that nothing stands at yet. */
export async function freshPlace(
  driver: Driver,
  { file, numbered }: Pick<Target, 'file' | 'numbered'>,
  options: CallOptions = {},
): Promise<Target> {
  const key = await driver.places?.make(options)
  return {
    kind: 'new',
    file,
    ...(numbered ? { numbered } : {}),
    ...(key === undefined ? {} : { objectKey: key }),
  }
}

/**
 * Objects that keep their key under another name are written over;
 * elsewhere another name is another object, and the old one goes later.
 */
function replacing(
  { driver, newId }: Placing,
  seen: DocumentRow,
  called: Pick<Target, 'file' | 'numbered'>,
): Target {
  const key = objectKey(seen.objectKey ?? '')
  if (driver.renaming) return { kind: 'replace', objectKey: key, ...called }
  // Where a name is the key: a fresh one, so that what stands stays until the new bytes are proven.
  return { kind: 'new', file: markedName(called.file, newId().slice(0, 8)) }
}

/** A change's content on its way. */
export function planOf(
  row: { readonly userId: UserId; readonly change: Pick<Change, 'size' | 'contentType'> },
  target: Target,
): Plan {
  const { size, contentType } = row.change
  const place =
    target.kind === 'replace' && target.objectKey !== undefined
      ? ({
          kind: 'replace',
          objectKey: target.objectKey,
          ...(target.ifMatch === undefined ? {} : { ifMatch: target.ifMatch }),
        } as const)
      : ({
          kind: 'new',
          file: target.file,
          ...(target.numbered ? { numbered: true as const } : {}),
          ...(target.objectKey === undefined ? {} : { objectKey: target.objectKey }),
        } as const)
  return { userId: row.userId, contentType, size, target: place }
}

/**
 * Gives a file that was written over the name that goes with its new extension, unless its user has named
 * it. A name is for people: not to have it fails nothing. Answers the entry with the name that it has now.
 */
export async function renamed(
  driver: Driver,
  standing: DocumentRow['standing'],
  target: Target | undefined,
  entry: ObjectEntry,
  options: CallOptions = {},
): Promise<ObjectEntry> {
  const isOurs = standing?.file !== undefined && (entry.name === undefined || entry.name === standing.file)
  const { renaming } = driver
  if (!renaming || target === undefined || standing?.file === target.file || !isOurs) return entry
  try {
    return await atFreeName(
      target,
      async (name) => {
        await renaming.rename(entry.objectKey, name, options)
        return { ...entry, name }
      },
      () => Promise.resolve(undefined),
    )
  } catch (error) {
    logger.warn('A file could not be renamed at the provider.', errorFields(error))
    return entry
  }
}
