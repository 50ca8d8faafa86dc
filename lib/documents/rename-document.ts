import type { DocumentRow } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { Conditions } from '../transfer/conditions.ts'
import { checkConditions } from '../transfer/conditions.ts'
import type { Driver } from '../storage/driver.ts'
import { fileOf, renamed } from '../transfer/place.ts'
import { requireUsable } from './choose-connection.ts'
import type { DocumentDeps } from './deps.ts'
import type { DocumentOf } from './stat-document.ts'
import { requireDocument } from './stat-document.ts'

export interface RenameRequest extends DocumentOf, Conditions {
  readonly name: string
}

/** How often a document may change while it is renamed, and the pause between, milliseconds. */
const mostRounds = 20
const pauseMs = 500

/**
 * Gives a document another name; content and ETag stay. The file in the drive follows where files are called
 * as people call them, unless its user has renamed it there. A name that a change under way would bring is
 * overruled; one whose bytes are leaving is waited for.
 */
export async function renameDocument(deps: DocumentDeps, request: RenameRequest): Promise<DocumentRow> {
  const { name, signal } = request
  for (let round = 0; round < mostRounds; round += 1) {
    const { row, connection } = await requireDocument(deps, request)
    const driverOf = async () => await deps.openDriver(requireUsable(connection, row.connectionId))
    await checkConditions(request, row, async (key) => {
      const driver = await driverOf()
      return await deps.retry(() => driver.stat(key, { signal }), signal)
    })
    const { change } = row
    if (change?.name !== undefined && change.state === 'sending') {
      await deps.clock.sleep(pauseMs, signal)
      continue
    }
    const written =
      change?.name === undefined
        ? await deps.documents.observe(row, { name, ...(await moved(deps, request, row, driverOf)) })
        : await deps.documents.work(row, { name: undefined }, { changes: { name } })
    if (written) return written
  }
  throw new ServiceError(
    'document_busy',
    'Another request is writing the document. Try again in a few seconds.',
    {
      retry: { retryable: true, afterSeconds: 2 },
      context: { retryAfterSeconds: 2 },
    },
  )
}

/** Renames the file in the drive, where that is its name; answers what the row says of it then. */
async function moved(
  deps: DocumentDeps,
  { documentId, name, signal }: RenameRequest,
  { standing, objectKey: key, change }: DocumentRow,
  driverOf: () => Promise<Driver>,
): Promise<Pick<DocumentRow, 'standing'>> {
  if (!deps.settings.driveNames || change || standing?.file === undefined || key === undefined) return {}
  const driver = await driverOf()
  if (!driver.renaming) return {}
  const called = fileOf({ ...deps, driver }, { documentId, extension: standing.extension, name })
  try {
    const entry = await deps.retry(() => driver.stat(key, { signal }), signal)
    const { name: file } = await renamed(driver, standing, { kind: 'replace', ...called }, entry, { signal })
    return file === undefined ? {} : { standing: { ...standing, file } }
  } catch (error) {
    // What its user has removed from the drive has no name there.
    if (isServiceError(error, 'object_missing')) return {}
    throw error
  }
}
