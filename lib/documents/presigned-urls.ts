import { NotSupportedError, ServiceError } from '../errors.ts'
import type { DocumentId, Extension, UserId, UserKey } from '../ids.ts'
import { parseConnectionId } from '../ids.ts'
import type { StartedIntake } from '../intake/start-intake.ts'
import { startIntake } from '../intake/start-intake.ts'
import { chooseConnection } from './choose-connection.ts'
import type { DocumentDeps } from './deps.ts'
import { contentPath, intakePath, savedAs } from './present.ts'
import type { DocumentOf } from './stat-document.ts'
import { requireStored } from './stat-document.ts'

export interface DownloadUrl {
  readonly url: string
  readonly expiresAt: string
}

/** Over HTTP the refusal names the route that does the job. */
function withLinks(error: NotSupportedError, links: Readonly<Record<string, string>>): ServiceError {
  const detail = 'This provider has no presigned URLs. Use the linked route instead.'
  return new ServiceError(error.code, detail, { context: { links } })
}

/**
 * A URL that reads the document without a token, for `minutes`. On a
 * cloud drive: `presigned_url_not_supported` with `links.content`.
 */
export async function createDownloadUrl(
  deps: DocumentDeps,
  request: DocumentOf & { readonly minutes: number },
): Promise<DownloadUrl> {
  const { documentId, minutes, signal } = request
  const { row, driver, objectKey } = await requireStored(deps, request)
  if (!driver.signedUrls) {
    const refusal = new NotSupportedError('A presigned download URL', 'getObject')
    throw withLinks(refusal, { content: contentPath(documentId) })
  }
  await deps.retry(() => driver.stat(objectKey, { signal }), signal)
  const url = await driver.signedUrls.get(objectKey, minutes, savedAs(row))
  const until = await driver.signedUrls.until(deps.clock.now(), minutes)
  return { url, expiresAt: new Date(until).toISOString() }
}

export interface UploadUrlRequest {
  readonly userId: UserId
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly connectionId: string | undefined
  readonly contentType: string
  readonly extension: Extension | undefined
  readonly name?: string | undefined
  readonly size: number | undefined
  readonly sha256: string | undefined
  readonly minutes: number
  readonly signal: AbortSignal
}

/**
 * A URL that a client PUTs the document to without a token: an announced upload whose
 * target is s3. On a cloud drive: `presigned_url_not_supported` with `links.intake`.
 */
export async function createUploadUrl(
  deps: DocumentDeps,
  request: UploadUrlRequest,
): Promise<StartedIntake['upload']> {
  const { userKey, documentId } = request
  const { row, connection: read } = await deps.readBoth({
    userKey,
    documentId,
    connectionId: parseConnectionId(request.connectionId ?? ''),
  })
  const connection = await chooseConnection(deps, request, request.connectionId ?? row?.connectionId, read)
  const driver = await deps.openDriver(connection)
  if (!driver.signedUrls) {
    const refusal = new NotSupportedError('A presigned upload URL', 'putObject')
    throw withLinks(refusal, { intake: intakePath(documentId) })
  }
  const withChoice = { ...deps, chooseConnection: () => Promise.resolve(connection) }
  return (await startIntake(withChoice, { ...request, door: 'url' })).upload
}
