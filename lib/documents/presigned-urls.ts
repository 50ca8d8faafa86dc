import type { DocumentRow } from '../catalog/document.ts'
import { refuseSharedName } from '../catalog/same-name.ts'
import { NotSupportedError, ServiceError } from '../errors.ts'
import type { DocumentId, Extension, Owner } from '../ids.ts'
import { fileOf, targetFor } from '../transfer/place.ts'
import { chooseConnection } from './choose-connection.ts'
import type { DocumentDeps } from './deps.ts'
import { contentLink, intakeLink } from './present.ts'
import { changedMeanwhile } from './settle-put.ts'
import { requireStored } from './stat-document.ts'

export interface PresignedUrl {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly expiresAt: string
}

/** Over HTTP the refusal names the route that does the job. */
function withLinks(error: NotSupportedError, links: Readonly<Record<string, string>>): ServiceError {
  const detail = 'This provider has no presigned URLs. Use the linked route instead.'
  return new ServiceError(error.code, detail, { context: { links } })
}

const expiry = (now: number, minutes: number): string => new Date(now + minutes * 60_000).toISOString()

/** A URL that reads the document without a token, for `minutes`. On a cloud drive: `presigned_url_not_supported` with `links.content`. */
export async function createDownloadUrl(
  deps: DocumentDeps,
  request: Owner & {
    readonly documentId: DocumentId
    readonly minutes: number
    readonly signal: AbortSignal
  },
): Promise<PresignedUrl> {
  const { documentId, minutes, signal } = request
  const { row, driver, objectKey } = await requireStored(deps, request, documentId, signal)
  if (!driver.signedUrls) {
    const refusal = new NotSupportedError('A presigned download URL', 'getObject')
    throw withLinks(refusal, { content: contentLink(documentId) })
  }
  await deps.retry(() => driver.stat(objectKey, { signal }), signal)
  const as = { fileName: fileOf(row), contentType: row.contentType }
  const url = await driver.signedUrls.get(objectKey, minutes, as)
  return { url, headers: {}, expiresAt: expiry(deps.now(), minutes) }
}

export interface UploadUrlRequest extends Owner {
  readonly documentId: DocumentId
  readonly connectionId: string | undefined
  readonly contentType: string
  readonly extension: Extension | undefined
  readonly minutes: number
}

/** A URL that a client PUTs the document to without a token. On a cloud drive: `presigned_url_not_supported` with `links.intake`. */
export async function createUploadUrl(deps: DocumentDeps, request: UploadUrlRequest): Promise<PresignedUrl> {
  const { userId, userKey, documentId, contentType } = request
  const row = await deps.documents.getDocument(request, documentId)
  const connection = await chooseConnection(deps, request, request.connectionId ?? row?.connectionId)
  const driver = await deps.openDriver(connection)
  const extension = request.extension ?? row?.extension ?? ('' as Extension)
  if (!driver.signedUrls) {
    const refusal = new NotSupportedError('A presigned upload URL', 'putObject')
    throw withLinks(refusal, { intake: intakeLink(documentId) })
  }
  await refuseSharedName(deps.documents, { userKey, userId, documentId, extension }, row)
  const target = targetFor(driver, row, { connectionId: connection.connectionId, documentId, extension })
  const objectKey =
    target.kind === 'replace' ? target.objectKey : driver.signedUrls.keyFor(userId, target.file)
  const { url, headers } = await driver.signedUrls.put(objectKey, request.minutes, contentType)
  // A document that is stored already stays readable until the client replaces it.
  const expiresAt = deps.now() + request.minutes * 60_000
  if (row?.objectExists !== true || row.objectKey !== objectKey) {
    const { connectionId, provider } = connection
    const upload = { userKey, userId, documentId, connectionId, provider, extension, contentType, objectKey }
    await deps.awaitUpload({ ...upload, expiresAt })
    await record(deps, { ...upload, status: 'receiving', size: 0 }, row)
  }
  return { url, headers, expiresAt: new Date(expiresAt).toISOString() }
}

async function record(
  deps: DocumentDeps,
  document: Parameters<DocumentDeps['documents']['createDocument']>[0],
  row: DocumentRow | undefined,
): Promise<void> {
  const written =
    row === undefined
      ? await deps.documents.createDocument(document)
      : await deps.documents.updateDocument(row, document)
  if (written === undefined) throw changedMeanwhile()
}
