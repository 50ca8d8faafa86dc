import type { Connection } from '../catalog/connections.ts'
import type { Change, DocumentRow } from '../catalog/document.ts'
import { intakeUrlMinutes, maxIntakeBytes } from '../contract/limits.ts'
import type { Conditions } from '../transfer/conditions.ts'
import { ServiceError } from '../errors.ts'
import type { DocumentId, Extension, Owner } from '../ids.ts'
import { acceptChange } from '../transfer/accept.ts'
import type { Claimed, HallDeps } from '../transfer/hall.ts'
import { announcedKey } from '../transfer/intake-key.ts'
import type { ChooseConnection } from '../transfer/known.ts'
import { readKnown, requireWritable } from '../transfer/known.ts'
import { tidy } from '../transfer/tidy.ts'

/**
 * What starting an upload needs besides: the choice of a usable
 * connection, which the document use cases make.
 */
export interface StartIntakeDeps extends HallDeps {
  readonly chooseConnection: ChooseConnection
}

export interface IntakeRequest extends Owner, Conditions {
  readonly documentId: DocumentId
  readonly connectionId?: string | undefined
  readonly contentType: string
  readonly extension?: Extension | undefined
  readonly name?: string | undefined
  /** Bytes; may be absent for `url` only. */
  readonly size?: number | undefined
  /** Lower-case hex. */
  readonly sha256?: string | undefined
  readonly door?: 'intake' | 'url'
  readonly minutes?: number
  readonly signal?: AbortSignal | undefined
}

export interface StartedIntake {
  readonly row: DocumentRow
  readonly upload: {
    readonly method: 'PUT'
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    /** ISO time. */
    readonly expiresAt: string
  }
}

/** How long an announcement waits for a request that is writing the document. */
const waitMs = 20_000

/**
 * Announces an upload that one PUT carries: its URL takes exactly the announced bytes, and
 * belongs to this change alone. Errors: the contract's, and those of choosing a connection.
 */
export async function startIntake(deps: StartIntakeDeps, request: IntakeRequest): Promise<StartedIntake> {
  const { size, contentType } = request
  if ((size ?? 0) > maxIntakeBytes)
    throw new ServiceError('invalid_request', 'body.multipart: is needed for more than one PUT can carry')
  const minutes = request.minutes ?? intakeUrlMinutes
  const until = deps.clock.now() + minutes * 60_000
  const { row, key } = await announce(deps, request, until)
  const { url, headers, expiresAt } = await deps.bucket.presignPut(key, {
    contentType,
    size,
    sha256: row.change.sha256,
    expiresInSeconds: minutes * 60,
  })
  return {
    row,
    upload: { method: 'PUT', url, headers, expiresAt: new Date(Math.min(until, expiresAt)).toISOString() },
  }
}

/**
 * The row of an upload that is to come by `until`, and the bucket's key for its bytes. What is stored stays
 * as it is and readable; an announcement before this one is over. `begin` is called when all else fits, once
 * for each key.
 */
export async function announce(
  deps: StartIntakeDeps,
  request: IntakeRequest,
  until: number,
  begin?: (key: string, connection: Connection) => Promise<Change['upload']>,
): Promise<{ readonly row: Claimed; readonly key: string }> {
  const { userKey, userId, documentId, size, contentType, sha256, door = 'intake', signal } = request
  const known = await readKnown(deps.readBoth, deps.chooseConnection, request)
  const { connection } = known
  const { connectionId } = connection
  const keyOf = (changeId: string) => announcedKey({ userKey, documentId, connectionId, changeId })
  let begun: { readonly key: string; readonly upload: Change['upload'] } | undefined
  const { row } = await acceptChange(
    deps,
    { userKey, documentId, userId },
    async (seen, changeId) => {
      const at = { seen, where: 'body' } as const
      const { extension } = await requireWritable(deps.documents, request, known, at, async (key) => {
        const driver = await deps.openDriver(connection)
        return await driver.stat(key, signal ? { signal } : {})
      })
      const key = keyOf(changeId)
      // One for a change that another writer has prevented ends by the bucket's own rule.
      if (begin && begun?.key !== key) begun = { key, upload: await begin(key, connection) }
      return {
        door,
        upload: begun?.upload,
        state: 'receiving',
        connection,
        size: size ?? 0,
        contentType,
        extension,
        name: request.name,
        until,
        sha256: sha256?.toLowerCase(),
      }
    },
    { waitMs, first: known, signal },
  )
  await tidy(deps, row)
  return { row, key: keyOf(row.change.id) }
}
