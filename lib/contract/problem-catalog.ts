import type { ErrorCode } from '../errors.ts'
import { aboutOf, providerIds } from '../providers/registry.ts'

export interface ProblemAdvice {
  /** What happened, in a sentence for a person. */
  readonly meaning: string
  /** What the caller, or the person in front of the app, does next. */
  readonly action: string
  /** An example of the `detail` that comes with it. */
  readonly example: string
}

/** Examples name the registry's first drive. */
const aDrive = aboutOf(providerIds[0]).name

/**
 * What each error code means and what to do: for the OpenAPI examples, `docs/errors.md` and the client's
 * advice.
 */
export const problemCatalog: Readonly<Record<ErrorCode, ProblemAdvice>> = {
  invalid_request: {
    meaning: 'A parameter, header or body does not fit the contract; detail names it.',
    action: 'Correct the named value. The same request will be refused again.',
    example: 'query.extension: must match ^\\.[A-Za-z0-9]{1,16}$',
  },
  connection_required: {
    meaning: 'No connectionId was given, and the user has no active connection or several.',
    action: 'List the connections and name one with connectionId; connect a drive first when there is none.',
    example: 'You have several active connections. Name one with connectionId.',
  },
  unauthorized: {
    meaning: 'There is no bearer token, or it does not verify or has expired.',
    action: 'Sign in again and repeat the request with a fresh token.',
    example: 'The bearer token has expired.',
  },
  forbidden: {
    meaning:
      'The token is good, and not for this: it lacks a scope, or is a user’s and came with Driveway-User.',
    action: 'Give the client the scope that detail names, or leave the header to machines.',
    example: 'This needs a token with the scope driveway/documents.write.',
  },
  not_found: {
    meaning: 'There is nothing of that kind under this id.',
    action: 'Look whether the id is right, and whether it was made in this deployment.',
    example: 'This user was never erased.',
  },
  connection_not_found: {
    meaning: 'The connection does not exist or belongs to somebody else; the two look the same.',
    action: 'List the connections again; the user may have disconnected this one.',
    example: 'There is no such connection.',
  },
  document_not_found: {
    meaning: 'The document does not exist or belongs to somebody else; the two look the same.',
    action: 'Check the documentId, or list the documents again.',
    example: 'There is no such document.',
  },
  object_missing: {
    meaning: 'The document is known, but the user has removed its file from the drive.',
    action: 'Store the document again, or delete it here so that it is no longer listed.',
    example: 'The file is no longer in the drive.',
  },
  method_not_allowed: {
    meaning: 'The path is known and does not take this method; Allow names those that it takes.',
    action: 'Use one of the methods in Allow. The routes are described at /v1/openapi.json.',
    example: 'This path takes GET, HEAD, PUT, DELETE.',
  },
  connection_requires_reauth: {
    meaning:
      'The provider no longer accepts the user’s consent. The provider is not called again until the user reconnects.',
    action: 'Send the user through links.reauthorize. What was waiting for it goes on by itself afterwards.',
    example: 'The connection is no longer authorised at the provider. Ask the user to reconnect it.',
  },
  account_mismatch: {
    meaning: 'The user reconnected with another account of the provider than the connection was made with.',
    action: 'Reconnect with the first account, or start a new connection for the other one.',
    example: 'This connection belongs to another account of the provider.',
  },
  document_not_stored: {
    meaning:
      'Content or a URL was asked of a document that is still on its way to the drive, or never arrived.',
    action: 'Wait until the document’s status is stored.',
    example: 'The document is still being uploaded.',
  },
  document_busy: {
    meaning: 'Another request is writing the document, and waiting for it did not help.',
    action: 'Try again after the seconds of Retry-After.',
    example: 'Another request is writing document report and has not ended. Try again in a few seconds.',
  },
  upload_not_found: {
    meaning:
      'No upload of this document is open under that id: it was completed, replaced, cancelled, or has ended.',
    action: 'Read the document; unless it has arrived, start the upload anew.',
    example: 'No upload of document report is open.',
  },
  upload_incomplete: {
    meaning: 'Parts of the upload have not arrived, or have another size than they were announced with.',
    action: 'Send the parts that detail names, then complete the upload again.',
    example: 'Of 25 parts these have not arrived: 7, 12.',
  },
  precondition_failed: {
    meaning:
      'If-None-Match: * was sent and the document exists, or If-Match names another version than the one that stands.',
    action: 'Read the document again, then decide: use its ETag, another documentId, or no condition.',
    example: 'A document with this id exists.',
  },
  payload_too_large: {
    meaning:
      'The body is larger than the 4 MiB that one request can carry, or the file than the drive takes: limitBytes says how much that is.',
    action: 'Upload through the intake: links.intake. The client library chooses by itself.',
    example: 'The body is larger than 4194304 bytes. Use the intake.',
  },
  unsupported_media_type: {
    meaning: 'The body is a form, or encoded: it is not the document’s own bytes.',
    action: 'Send the bytes of the document as the body, with its own Content-Type and no Content-Encoding.',
    example: 'Send the bytes of the document themselves as the body, with its own Content-Type, and no form.',
  },
  range_not_satisfiable: {
    meaning: 'The range begins after the end of the document; Content-Range tells its size.',
    action: 'Ask for a range inside the size.',
    example: 'The document has 1024 bytes.',
  },
  digest_mismatch: {
    meaning:
      'Content-Digest or sha256 is not that of the bytes that arrived. Nothing is kept at the provider.',
    action: 'Send the bytes again; when it repeats, the file changed while it was being read.',
    example: 'The SHA-256 of the bytes is not the one that was announced.',
  },
  provider_throttled: {
    meaning: 'The provider asked us to slow down, also after our own bounded retries.',
    action: 'Wait for Retry-After, then repeat.',
    example: `${aDrive} limits requests for this user at the moment.`,
  },
  rate_limited: {
    meaning: 'A limit of this deployment for one user is met; RateLimit-Policy names it.',
    action: 'Give something of it back (disconnect a drive that is not used), or wait for Retry-After.',
    example: 'The user has 50 connections, which is the most. Disconnect one that is not used.',
  },
  internal_error: {
    meaning: 'Something went wrong on our side.',
    action: 'Repeat the request; when it persists, report the requestId.',
    example: 'Something went wrong on our side. Quote the requestId when you report it.',
  },
  presigned_url_not_supported: {
    meaning: 'This provider has no presigned URLs: users’ own drives have none.',
    action: 'Download through links.content, upload through links.intake.',
    example: 'A presigned download URL is not available on this provider. Use getObject instead.',
  },
  provider_error: {
    meaning: 'The provider answered something unexpected.',
    action: 'Repeat later; when it persists, report the requestId.',
    example: `${aDrive} answered something unexpected.`,
  },
  provider_unavailable: {
    meaning: 'The provider cannot be reached or keeps failing.',
    action: 'Wait for Retry-After, then repeat.',
    example: `${aDrive} cannot be reached at the moment.`,
  },
  provider_not_configured: {
    meaning:
      'This deployment has no OAuth client for that provider, or does not offer it for new connections.',
    action: 'Offer another provider, or ask the operator to register an OAuth client, or to offer it.',
    example: `This deployment has no OAuth client for ${providerIds[0]}.`,
  },
  operator_attention: {
    meaning:
      'The provider refuses this deployment’s app, or the account’s organisation does not let it in; the user’s consent is fine.',
    action:
      'Tell the operator, or the organisation’s administrator. Uploads wait and go on by themselves once it is mended; repeat other requests later.',
    example:
      'The provider refuses this deployment’s OAuth client. Its operator has to act; the connection is fine.',
  },
  provider_quota_exceeded: {
    meaning: 'The user’s drive is full. It is never retried by itself.',
    action: 'Ask the user to free space in the drive, then store the document again.',
    example: 'The drive is full.',
  },
}
