import type { DocumentRow } from '../catalog/document.ts'
import type { TransferRow } from '../catalog/transfer.ts'
import type { DocumentId, Extension, ObjectKey } from '../ids.ts'
import type { CallOptions, Driver, Plan, Target } from '../storage/driver.ts'
import { atFreeName } from '../storage/free-name.ts'
import { errorFields, logger } from '../telemetry/logger.ts'

/** The parts of a document that its place follows from. */
export type Placed = Pick<TransferRow, 'connectionId' | 'documentId' | 'extension'>

/** What a document's file is called where nothing else has the name. */
export function fileOf(document: { readonly documentId: DocumentId; readonly extension: Extension }): string {
  return `${document.documentId}${document.extension}`
}

/**
 * Where a document's content goes: over what stands, or into a new object. Another extension is another object where objects cannot be
 * renamed. A key that was made for this document before it had content is used, so that two writers make one object.
 */
export function targetFor(driver: Driver, standing: DocumentRow | undefined, wanted: Placed): Target {
  const fresh = { kind: 'new', file: fileOf(wanted) } as const
  if (standing?.objectKey === undefined || standing.connectionId !== wanted.connectionId) return fresh
  const { objectKey, objectExists, extension } = standing
  if (objectExists !== true) return driver.places ? { ...fresh, objectKey } : fresh
  return extension === wanted.extension || driver.renaming ? { kind: 'replace', objectKey } : fresh
}

/** A transfer's content on its way to `target`. */
export function planOf(row: TransferRow, size: number, target: Target): Plan {
  return { userId: row.userId, contentType: row.contentType, size, target }
}

/** Gives a document's file the name that goes with its new extension. A name is for people: not to have it fails nothing. */
export async function renameTo(
  driver: Driver,
  key: ObjectKey,
  file: string,
  options: CallOptions = {},
): Promise<void> {
  const { renaming } = driver
  if (!renaming) return
  try {
    const rename = (name: string): Promise<void> => renaming.rename(key, name, options)
    await atFreeName(file, rename, () => Promise.resolve(undefined))
  } catch (error) {
    logger.warn('A file could not be renamed at the provider.', errorFields(error))
  }
}
