import type { Change } from '../catalog/document.ts'
import type { DocumentKey } from '../catalog/document-pages.ts'
import { readFileName } from '../catalog/same-name.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import { isServiceError } from '../errors.ts'
import type { HallDeps } from './hall.ts'

/** The provider's clock and ours differ by less. */
const clocksDifferMs = 5 * 60_000

/** The driver of one change. */
export interface OwnDriver extends Driver {
  /** What it has written, new or over what stood. */
  readonly made: ObjectEntry | undefined
  /** It may have written, or what it sent may still arrive: not all of it was refused. */
  readonly mayBeMade: boolean
}

/** What began at a place that has a name alone. */
export type Begun = Pick<Change, 'startedAt' | 'attempts'>

/**
 * The driver as one change may use it: at a name, `find` answers only what this change can have made there.
 * A file with the very same bytes may be its user's own: it has to be younger than the change, named by no
 * other document, and after a write of this change that was not refused.
 */
export function ownOf(
  { documents }: Pick<HallDeps, 'documents'>,
  row: DocumentKey,
  { startedAt, attempts = 1 }: Begun,
  driver: Driver,
): OwnDriver {
  const isRepeated = attempts > 1
  let hasWritten = false
  let made: ObjectEntry | undefined
  const watched = async <Answer>(
    write: Promise<Answer>,
    entryOf: (answer: Answer) => ObjectEntry | undefined,
  ): Promise<Answer> => {
    try {
      const answer = await write
      hasWritten = true
      made = entryOf(answer) ?? made
      return answer
    } catch (error) {
      hasWritten ||= !isServiceError(error) || error.retry.ambiguous === true
      throw error
    }
  }
  const { sessions } = driver
  return {
    ...driver,
    get made() {
      return made
    },
    get mayBeMade() {
      return isRepeated || hasWritten
    },
    write: async (...given) => await watched(driver.write(...given), (entry) => entry),
    ...(sessions
      ? {
          sessions: {
            ...sessions,
            send: async (...given) =>
              await watched(sessions.send(...given), (end) => (end.state === 'done' ? end.entry : undefined)),
          },
        }
      : {}),
    async find(plan, options) {
      const { target } = plan
      if (target.kind === 'replace' || target.objectKey !== undefined) return await driver.find(plan, options)
      // An empty file is not known by its bytes: nobody takes it for the work of a process that died.
      if (!hasWritten && (!isRepeated || plan.size === 0)) return undefined
      const entry = await driver.find(plan, options)
      if (entry === undefined || isOlder(entry, startedAt)) return undefined
      return (await isAnothers(documents, row, target.file, entry)) ? undefined : entry
    },
  }
}

function isOlder({ createdAt }: ObjectEntry, startedAt: number): boolean {
  return createdAt !== undefined && createdAt < startedAt - clocksDifferMs
}

/** `report.pdf` without an extension and `report` with `.pdf` want one name; no other two documents do. */
export async function isAnothers(
  documents: Pick<HallDeps['documents'], 'get'>,
  { userKey, documentId }: DocumentKey,
  file: string,
  { objectKey }: ObjectEntry,
): Promise<boolean> {
  const plain = file.replace(/ \([0-9a-f]{8}\)(?=\.[^.]*$|$)/, '')
  const twin = readFileName(plain).find((other) => other.documentId !== documentId)
  const row = twin && (await documents.get({ userKey, documentId: twin.documentId }))
  return row?.objectKey === objectKey || row?.change?.target?.file === file
}
