import type { Change, DocumentRow } from '../catalog/document.ts'
import { isServiceError } from '../errors.ts'
import type { DocumentId, Owner } from '../ids.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { HallDeps } from '../transfer/hall.ts'
import { connectionOf } from '../transfer/hall.ts'
import { tidy } from '../transfer/tidy.ts'

/** The documents of a user who is erased, as far as a run comes with them. */
export interface EraseDocuments {
  /**
   * Removes the files for good. `left`: those whose connection does not let us, now or ever. `waits`: some
   * are to be tried again.
   */
  files(whom: Owner): Promise<{ readonly left: number; readonly waits: boolean }>
  /** Ends what is under way and removes every row. `more`: the time is up, or somebody was faster. */
  rows(whom: Owner): Promise<{ readonly count: number; readonly more: boolean }>
}

const rowsPerPage = 100
/** So often a row is read anew whose worker has written meanwhile. */
const forgetTries = 5

export interface EraseDocumentsDeps extends HallDeps {
  /** Deletes the document and its file, past the drive's bin where the drive can. */
  readonly deleteForGood: (whom: Owner, documentId: DocumentId) => Promise<void>
  readonly isOver: () => boolean
}

export function eraseDocuments(deps: EraseDocumentsDeps): EraseDocuments {
  /** Looks at every row once; false when the time was up before the end. */
  const each = async ({ userKey }: Owner, work: (row: DocumentRow) => Promise<void>): Promise<boolean> => {
    let page = await deps.documents.list(userKey, rowsPerPage, undefined)
    for (;;) {
      for (const row of page.rows) {
        if (deps.isOver()) return false
        await work(row)
      }
      const last = page.rows.at(-1)
      if (!page.more || last === undefined) return true
      page = await deps.documents.list(userKey, rowsPerPage, last.documentId)
    }
  }

  return {
    async files(whom) {
      let left = 0
      let waits = false
      const isWhole = await each(whom, async (row) => {
        try {
          if (!(await removeFile(deps, whom, row))) left += 1
          else waits ||= (await deps.documents.get(row)) !== undefined
        } catch (error) {
          if (!isServiceError(error)) throw error
          if (error.code === 'document_busy' || error.retry.retryable) waits = true
          else left += 1
          logger.warn('A file of an erased user could not be removed', {
            documentId: row.documentId,
            ...errorFields(error),
          })
        }
      })
      return { left, waits: waits || !isWhole }
    },
    async rows(whom) {
      let count = 0
      let isEach = true
      const isWhole = await each(whom, async (row) => {
        if (await forget(deps, row)) count += 1
        else isEach = false
      })
      return { count, more: !isWhole || !isEach }
    },
  }
}

/** False for a file on a drive that its user has disconnected: nobody can remove it but them. */
async function removeFile(deps: EraseDocumentsDeps, whom: Owner, row: DocumentRow): Promise<boolean> {
  if (row.standing && !(await connectionOf(deps, row))) return false
  await deps.deleteForGood(whom, row.documentId)
  // What the deletion has left, such as a file that comes late.
  const rest = await deps.documents.get(row)
  if (rest) await tidy(deps, rest)
  return true
}

/** Whoever works on the row loses it with this, and writes nothing more. */
async function forget(deps: EraseDocumentsDeps, given: DocumentRow): Promise<boolean> {
  let row: DocumentRow | undefined = given
  for (let attempt = 1; attempt <= forgetTries; attempt += 1) {
    if (row === undefined) return true
    await endSessions(deps, row)
    if (await deps.documents.forget(row)) return true
    row = await deps.documents.get(row)
  }
  return row === undefined
}

/** By their own addresses, which need no grant. One that cannot be ended now ends by itself. */
async function endSessions(deps: EraseDocumentsDeps, row: DocumentRow): Promise<void> {
  const ofChange = (change: Change | undefined) =>
    change?.session ? [{ connectionId: change.connectionId, sealed: change.session.sealedUrl }] : []
  const left = Object.values(row.remove ?? {}).flatMap(({ kind, connectionId, key }) =>
    kind === 'session' ? [{ connectionId, sealed: key }] : [],
  )
  for (const { connectionId, sealed } of [...ofChange(row.change), ...ofChange(row.aside), ...left]) {
    try {
      const connection = await deps.connections.named(row.userKey, connectionId)
      const driver = connection && (await deps.openDriver(connection))
      await driver?.sessions?.cancel({ url: await deps.sealer.open(sealed, 'upload session', connectionId) })
    } catch (error) {
      logger.warn('An upload session of an erased user could not be ended', {
        connectionId,
        ...errorFields(error),
      })
    }
  }
}
