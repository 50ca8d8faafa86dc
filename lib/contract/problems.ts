import type { ErrorCode } from '../errors.ts'

export interface ProblemType {
  /** The HTTP status that the code is always answered with. */
  readonly status: number
  /** The RFC 9457 title: the same short words for every occurrence. */
  readonly title: string
}

/** One row a code: the only table that maps codes to statuses. `problem-catalog.ts` explains each. */
export const problemTypes: Readonly<Record<ErrorCode, ProblemType>> = {
  invalid_request: { status: 400, title: 'Invalid request' },
  connection_required: { status: 400, title: 'Connection required' },
  unauthorized: { status: 401, title: 'Unauthorized' },
  forbidden: { status: 403, title: 'Forbidden' },
  not_found: { status: 404, title: 'Not found' },
  connection_not_found: { status: 404, title: 'Connection not found' },
  document_not_found: { status: 404, title: 'Document not found' },
  object_missing: { status: 404, title: 'Object missing from the drive' },
  upload_not_found: { status: 404, title: 'Upload not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  connection_requires_reauth: { status: 409, title: 'Connection requires reauthorization' },
  account_mismatch: { status: 409, title: 'Account mismatch' },
  document_not_stored: { status: 409, title: 'Document not stored yet' },
  document_busy: { status: 409, title: 'Document busy' },
  upload_incomplete: { status: 409, title: 'Upload incomplete' },
  precondition_failed: { status: 412, title: 'Precondition failed' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable' },
  digest_mismatch: { status: 422, title: 'Digest mismatch' },
  provider_throttled: { status: 429, title: 'Provider throttled' },
  rate_limited: { status: 429, title: 'Rate limited' },
  internal_error: { status: 500, title: 'Internal error' },
  presigned_url_not_supported: { status: 501, title: 'Presigned URL not supported' },
  provider_error: { status: 502, title: 'Provider error' },
  provider_unavailable: { status: 503, title: 'Provider unavailable' },
  provider_not_configured: { status: 503, title: 'Provider not configured' },
  operator_attention: { status: 503, title: 'Operator attention' },
  provider_quota_exceeded: { status: 507, title: 'Provider quota exceeded' },
}
