import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { refuseSharedName } from '../catalog/same-name.ts'
import type { NewTransfer } from '../catalog/transfer.ts'
import { intakeUrlMinutes, maxIntakeBytes } from '../contract/limits.ts'
import { ServiceError } from '../errors.ts'
import type { DocumentId, Extension, Owner } from '../ids.ts'
import { cancelTransfer } from './cancel.ts'
import type { IntakeDeps, StartIntakeDeps } from './deps.ts'
import { intakeKeyOf } from './intake-key.ts'

export interface IntakeRequest extends Owner {
  readonly documentId: DocumentId
  readonly connectionId?: string | undefined
  readonly contentType: string
  readonly extension?: Extension | undefined
  readonly size: number
  /** Lower-case hex. */
  readonly sha256?: string | undefined
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

/**
 * Prepares an upload of any size: the document is `receiving`, and the URL takes exactly the announced bytes.
 * An upload that was under way for the same document is ended. Errors: the contract's, and those of choosing a connection.
 */
export async function startIntake(deps: StartIntakeDeps, request: IntakeRequest): Promise<StartedIntake> {
  const { userKey, documentId, size } = request
  if (size > maxIntakeBytes)
    throw new ServiceError('invalid_request', 'body.size: is larger than one upload can be')
  const before = await deps.documents.getDocument(request, documentId)
  const connection = await deps.chooseConnection(request, request.connectionId ?? before?.connectionId)
  if (before?.objectExists === true && before.connectionId !== connection.connectionId) {
    throw new ServiceError(
      'invalid_request',
      `body.connectionId: document ${documentId} is stored on connection ${before.connectionId}; delete it first, or choose another document id`,
    )
  }
  const extension = request.extension ?? before?.extension ?? ('' as Extension)
  const address = { userKey, connectionId: connection.connectionId, documentId, extension }
  await refuseSharedName(deps.documents, { ...address, userId: request.userId }, before)

  const now = deps.clock.now()
  const uploadExpiresAt = now + intakeUrlMinutes * 60_000
  await openTransfer(deps, newTransfer(request, connection, extension, now, uploadExpiresAt), before)
  const row = await record(deps, request, connection, extension)
  const upload = await deps.bucket.presignPut(
    intakeKeyOf(address),
    request.contentType,
    size,
    intakeUrlMinutes * 60,
  )
  return { row, upload: { method: 'PUT', ...upload, expiresAt: new Date(uploadExpiresAt).toISOString() } }
}

function newTransfer(
  request: IntakeRequest,
  connection: Connection,
  extension: Extension,
  now: number,
  uploadExpiresAt: number,
): NewTransfer {
  const { userKey, documentId, userId, contentType, sha256 } = request
  const { connectionId, provider } = connection
  const where = { userKey, documentId, userId, connectionId, provider, extension, contentType }
  const expected = sha256 === undefined ? {} : { expectedSha256: sha256.toLowerCase() }
  const counters = { offset: 0, failures: 0, progressAt: now, fence: 0, createdAt: now }
  return { ...where, ...expected, ...counters, phase: 'receiving', uploadExpiresAt }
}

/** Adds the transfer of a document in place of whatever was under way for it. */
export async function openTransfer(
  deps: IntakeDeps,
  transfer: NewTransfer,
  before: DocumentRow | undefined,
): Promise<void> {
  if (before && before.status !== 'stored') await cancelTransfer(deps, before)
  while (!(await deps.transfers.create(transfer))) await cancelTransfer(deps, transfer)
}

async function record(
  deps: StartIntakeDeps,
  request: IntakeRequest,
  connection: Connection,
  extension: Extension,
): Promise<DocumentRow> {
  const { userKey, userId, documentId, contentType, size, sha256 } = request
  const { connectionId, provider } = connection
  const fields = { connectionId, provider, contentType, extension, size, status: 'receiving' as const }
  for (;;) {
    const row = await deps.documents.getDocument(request, documentId)
    const kept = row?.objectExists === true ? {} : { objectKey: undefined, objectExists: undefined }
    const over = { error: undefined, parkedOn: undefined, bytesTransferred: undefined }
    const written = row
      ? await deps.documents.updateDocument(row, {
          ...fields,
          ...kept,
          ...over,
          expectedSha256: sha256?.toLowerCase(),
        })
      : await deps.documents.createDocument({
          userKey,
          userId,
          documentId,
          ...fields,
          ...(sha256 === undefined ? {} : { expectedSha256: sha256.toLowerCase() }),
        })
    if (written) return written
  }
}
