import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { refuseSharedName, twinOf } from '../catalog/same-name.ts'
import { intakeUrlMinutes, maxIntakeBytes } from '../contract/limits.ts'
import type { Conditions } from '../transfer/conditions.ts'
import { checkConditions } from '../transfer/conditions.ts'
import { ServiceError } from '../errors.ts'
import type { DocumentId, Extension, Owner } from '../ids.ts'
import { parseConnectionId } from '../ids.ts'
import { acceptChange } from '../transfer/accept.ts'
import type { HallDeps } from '../transfer/hall.ts'
import { announcedKey } from '../transfer/intake-key.ts'
import { tidy } from '../transfer/tidy.ts'

/**
 * What starting an upload needs besides: the choice of a usable
 * connection, which the document use cases make.
 */
export interface StartIntakeDeps extends HallDeps {
  /** The named connection, else the user's only active one. Rejects as the HTTP contract says. */
  readonly chooseConnection: (
    owner: Owner,
    named: string | undefined,
    read?: Connection,
  ) => Promise<Connection>
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
 * Announces an upload of any size: its URL takes exactly the announced bytes, and belongs
 * to this change alone. What is stored stays as it is and readable; an announcement
 * before this one is over. Errors: the contract's, and those of choosing a connection.
 */
export async function startIntake(deps: StartIntakeDeps, request: IntakeRequest): Promise<StartedIntake> {
  const { userKey, userId, documentId, size, contentType, sha256, door = 'intake', signal } = request
  if ((size ?? 0) > maxIntakeBytes)
    throw new ServiceError('invalid_request', 'body.size: is larger than one upload can be')
  const given = request.extension ?? ('' as Extension)
  const known = await deps.readBoth({
    userKey,
    documentId,
    connectionId: parseConnectionId(request.connectionId ?? ''),
    twin: twinOf({ documentId, extension: given })?.documentId,
  })
  const wanted = request.connectionId ?? known.row?.connectionId
  const connection = await deps.chooseConnection(request, wanted, known.connection)
  const minutes = request.minutes ?? intakeUrlMinutes
  const until = deps.clock.now() + minutes * 60_000
  const { row } = await acceptChange(
    deps,
    { userKey, documentId, userId },
    async (seen) => {
      requireHere(seen, connection, 'body')
      await checkConditions(request, seen, async (key) => {
        const driver = await deps.openDriver(connection)
        return await driver.stat(key, signal ? { signal } : {})
      })
      const extension = request.extension ?? extensionOf(seen)
      const read = extension === given ? { twin: known.twin } : {}
      await refuseSharedName(deps.documents, { userKey, documentId, extension }, seen, read)
      return {
        door,
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
  const { connectionId } = connection
  const key = announcedKey({ userKey, documentId, connectionId, changeId: row.change.id })
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

/** A document lies on one connection for as long as it stands. */
export function requireHere(
  seen: DocumentRow | undefined,
  { connectionId }: Pick<Connection, 'connectionId'>,
  where: 'body' | 'query',
): void {
  if (!seen?.standing || seen.connectionId === connectionId) return
  throw new ServiceError(
    'invalid_request',
    `${where}.connectionId: document ${seen.documentId} is stored on connection ${seen.connectionId}; delete it first, or choose another document id`,
  )
}

/** The extension of a document that keeps it. */
export function extensionOf(seen: DocumentRow | undefined): Extension {
  return seen?.standing?.extension ?? seen?.change?.extension ?? ('' as Extension)
}
