import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { refuseSharedName } from '../catalog/same-name.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, Extension, ObjectKey, Owner } from '../ids.ts'
import { contentOf } from '../storage/content.ts'
import type { Driver, ObjectEntry, Target } from '../storage/driver.ts'
import { writeWhole } from '../storage/write-whole.ts'
import { createContentHash } from '../transfer/hash.ts'
import { targetFor } from '../transfer/place.ts'
import { algorithmsFor, judgeStored } from '../transfer/verdict.ts'
import { chooseConnection } from './choose-connection.ts'
import { checkContentDigest } from './content-digest.ts'
import type { DocumentDeps } from './deps.ts'
import type { Written } from './settle-put.ts'
import { changedMeanwhile, settleMismatch, settleStored } from './settle-put.ts'

export interface PutRequest extends Owner {
  readonly documentId: DocumentId
  readonly connectionId: string | undefined
  readonly extension: Extension | undefined
  readonly contentType: string
  readonly bytes: Buffer
  readonly contentDigest: string | undefined
  /** `If-None-Match: *`. */
  readonly onlyCreate: boolean
  readonly signal: AbortSignal
}

export interface PutOutcome {
  readonly row: DocumentRow
  readonly created: boolean
}

function checkPreconditions(request: PutRequest, row: DocumentRow | undefined): void {
  if (row === undefined) return
  if (request.onlyCreate && (row.objectExists === true || row.status !== 'uploading')) {
    throw new ServiceError('precondition_failed', `Document ${request.documentId} exists already.`)
  }
  if (
    request.connectionId !== undefined &&
    request.connectionId !== row.connectionId &&
    row.objectExists === true
  ) {
    throw new ServiceError(
      'invalid_request',
      `query.connectionId: document ${request.documentId} is stored on connection ${row.connectionId}; delete it first, or choose another document id`,
    )
  }
}

function withoutKey({ objectKey: _gone, objectExists: _also, ...row }: DocumentRow): DocumentRow {
  return row
}

/** Where the bytes go. A new object's key is recorded before the provider creates anything under it. */
async function chooseTarget(
  deps: DocumentDeps,
  request: PutRequest,
  connection: Connection,
  driver: Driver,
  row: DocumentRow | undefined,
  extension: Extension,
): Promise<{ readonly row: DocumentRow | undefined; readonly target: Target }> {
  const { connectionId } = connection
  const target = targetFor(driver, row, { connectionId, documentId: request.documentId, extension })
  const { places } = driver
  if (!places || target.objectKey !== undefined) return { row, target }
  const objectKey = await deps.retry(() => places.make({ signal: request.signal }), request.signal)
  const recorded = await record(deps, request, connection, row, extension, objectKey)
  return { row: recorded, target: { ...target, objectKey: recorded.objectKey ?? objectKey } }
}

async function record(
  deps: DocumentDeps,
  request: PutRequest,
  connection: Connection,
  row: DocumentRow | undefined,
  extension: Extension,
  objectKey: ObjectKey,
): Promise<DocumentRow> {
  const fields = {
    connectionId: connection.connectionId,
    provider: connection.provider,
    status: 'uploading',
    objectKey,
    objectExists: undefined,
    size: request.bytes.length,
    contentType: request.contentType,
    extension,
  } as const
  const { userKey, userId, documentId } = request
  const { objectExists: _fresh, ...fresh } = fields
  const written =
    row === undefined
      ? await deps.documents.createDocument({ userKey, userId, documentId, ...fresh })
      : await deps.documents.updateDocument(row, fields)
  if (written !== undefined) return written
  // Another request for the same document was first: go on under the key that it recorded, so that both make one file.
  const theirs = await deps.documents.getDocument(request, documentId)
  if (theirs?.objectKey !== undefined && theirs.connectionId === connection.connectionId) return theirs
  throw changedMeanwhile()
}

async function store(
  deps: DocumentDeps,
  { userId, contentType, bytes, signal }: PutRequest,
  driver: Driver,
  target: Target,
): Promise<ObjectEntry> {
  const plan = { userId, contentType, size: bytes.length, target }
  return await deps.retry(() => writeWhole(driver, plan, contentOf(bytes), { signal }), signal)
}

/** Stores one inline-sized document, new or in place of what is there. Errors: the contract's, see the route. */
export async function putDocument(deps: DocumentDeps, request: PutRequest): Promise<PutOutcome> {
  checkContentDigest(request.contentDigest, request.bytes)
  const { userKey, userId, documentId } = request
  const before = await deps.documents.getDocument(request, documentId)
  checkPreconditions(request, before)
  const connection = await chooseConnection(deps, request, request.connectionId ?? before?.connectionId)
  const extension = request.extension ?? before?.extension ?? ('' as Extension)
  await refuseSharedName(deps.documents, { userKey, userId, documentId, extension }, before)
  const driver = await deps.openDriver(connection)
  if (before !== undefined && before.status !== 'stored') await deps.cancelTransfer(before)

  let { row, target } = await chooseTarget(deps, request, connection, driver, before, extension)
  let entry: ObjectEntry
  try {
    entry = await store(deps, request, driver, target)
  } catch (error) {
    // The user removed the file that was to be replaced, or the one that a reserved id had made: it is made anew.
    if (!isServiceError(error, 'object_missing') || target.objectKey === undefined) throw error
    const keyless = row && withoutKey(row)
    ;({ row, target } = await chooseTarget(deps, request, connection, driver, keyless, extension))
    entry = await store(deps, request, driver, target)
  }

  const { contentType, signal } = request
  const judged = await judgeBytes(deps, request, driver, entry, driver.traits.rewrites(extension))
  const { verdict } = judged
  const who = { userId, userKey, documentId, contentType, extension, signal }
  const replacing = target.kind === 'replace'
  const written: Written = { ...who, connection, driver, row, replacing, entry: judged.entry }
  if (verdict.kind === 'mismatch') throw await settleMismatch(deps, written, verdict)
  const settled = await settleStored(deps, written, verdict)
  return { row: settled, created: before?.objectExists !== true }
}

async function judgeBytes(
  { retry, startHash }: DocumentDeps,
  { bytes, signal }: PutRequest,
  driver: Driver,
  entry: ObjectEntry,
  rewritten: boolean,
) {
  const hash = await createContentHash(startHash, algorithmsFor(driver, undefined))
  hash.update(bytes, 0)
  const stat = (): Promise<ObjectEntry> => retry(() => driver.stat(entry.objectKey, { signal }), signal)
  return await judgeStored(entry, bytes.length, hash, { rewritten, stat })
}
