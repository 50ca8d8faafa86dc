import { randomUUID } from 'node:crypto'

/** An answer in Graph's error shape, thrown by whatever finds the reason and sent by the one dispatcher. */
export class GraphFailure extends Error {
  readonly status: number
  readonly code: string
  readonly inner: string | undefined
  readonly headers: Record<string, string>

  constructor(
    status: number,
    code: string,
    message: string,
    inner?: string,
    headers: Record<string, string> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.inner = inner
    this.headers = headers
  }
}

/** Makes the failure to throw. `inner` is the more specific code inside `innerError`. */
export function graphError(
  status: number,
  code: string,
  message: string,
  inner?: string,
  headers?: Record<string, string>,
): GraphFailure {
  return new GraphFailure(status, code, message, inner, headers)
}

export function itemNotFound(message = 'Item not found'): GraphFailure {
  return graphError(404, 'itemNotFound', message)
}

export function nameTaken(message = 'The specified item name already exists.'): GraphFailure {
  return graphError(409, 'nameAlreadyExists', message)
}

export function sessionNotFound(): GraphFailure {
  return itemNotFound('The upload session was not found')
}

export function quotaReached(): GraphFailure {
  return graphError(507, 'quotaLimitReached', 'Insufficient Space Available')
}

/**
 * Graph's error envelope. On Graph the nested member is `innerError` with the date and the request ids;
 * upload URLs, which are served by the storage back end, spell it `innererror` and have the code only.
 * https://learn.microsoft.com/graph/errors
 */
export function graphErrorBody(
  failure: { code: string; message: string; inner?: string | undefined },
  now: number,
  requestId: string = randomUUID(),
  clientRequestId: string = requestId,
): unknown {
  return {
    error: {
      code: failure.code,
      message: failure.message,
      innerError: {
        ...(failure.inner === undefined ? {} : { code: failure.inner }),
        date: new Date(now).toISOString().slice(0, 19),
        'request-id': requestId,
        'client-request-id': clientRequestId,
      },
    },
  }
}

export function storageErrorBody(failure: {
  code: string
  message: string
  inner?: string | undefined
}): unknown {
  return {
    error: {
      code: failure.code,
      message: failure.message,
      ...(failure.inner === undefined ? {} : { innererror: { code: failure.inner } }),
    },
  }
}

interface Known {
  status: number
  code: string
  message: string
  inner?: string
}

const BY_STATUS: Record<number, Known> = {
  400: { status: 400, code: 'invalidRequest', message: 'The request is malformed or incorrect.' },
  401: {
    status: 401,
    code: 'InvalidAuthenticationToken',
    message: 'Lifetime validation failed, the token is expired.',
  },
  403: { status: 403, code: 'accessDenied', message: 'Access denied' },
  404: { status: 404, code: 'itemNotFound', message: 'Item not found' },
  405: { status: 405, code: 'notAllowed', message: 'The method is not allowed.' },
  409: { status: 409, code: 'nameAlreadyExists', message: 'The specified item name already exists.' },
  410: { status: 410, code: 'resyncRequired', message: 'Resync required. Replace any local items.' },
  411: { status: 411, code: 'lengthRequired', message: 'A Content-Length header is required.' },
  412: {
    status: 412,
    code: 'resourceModified',
    message: 'ETag does not match current item',
    inner: 'entityTagDoesNotMatch',
  },
  413: { status: 413, code: 'requestEntityTooLarge', message: 'The request is too large.' },
  416: { status: 416, code: 'invalidRange', message: 'The specified byte range is invalid or unavailable.' },
  423: { status: 423, code: 'resourceLocked', message: 'The resource is locked.' },
  429: {
    status: 429,
    code: 'activityLimitReached',
    message: 'The app or user has been throttled.',
    inner: 'throttledRequest',
  },
  500: { status: 500, code: 'generalException', message: 'An unspecified error has occurred.' },
  501: { status: 501, code: 'notSupported', message: 'The request is not supported by the system.' },
  503: { status: 503, code: 'serviceNotAvailable', message: 'The service is not available.' },
  507: { status: 507, code: 'quotaLimitReached', message: 'Insufficient Space Available' },
  509: { status: 509, code: 'bandwidthLimitExceeded', message: 'The bandwidth limit has been exceeded.' },
}

/** Codes that the service never gives on their own, with the outer code that they come inside of. */
const INNER: Record<string, { code: string; message: string }> = {
  fragmentOverlap: { code: 'invalidRange', message: 'Uploaded fragment overlaps with existing data.' },
  fragmentOutOfOrder: { code: 'invalidRange', message: 'Uploaded fragment is out of order.' },
  fragmentRowCountCheckFailed: {
    code: 'invalidRange',
    message: 'Optimistic concurrency failure during fragmented upload',
  },
  fragmentLengthMismatch: {
    code: 'invalidRequest',
    message: 'The fragment length does not match the byte range.',
  },
  maxFragmentLengthExceeded: {
    code: 'invalidRequest',
    message: 'The fragment is larger than the maximum allowed.',
  },
  throttledRequest: { code: 'activityLimitReached', message: 'The app or user has been throttled.' },
  entityTagDoesNotMatch: { code: 'resourceModified', message: 'ETag does not match current item' },
  expiredToken: { code: 'unauthenticated', message: 'The access token has expired.' },
}

/** What Graph would say for a status, and for a reason if one is given: the source of injected failures. */
export function knownFailure(status: number, reason?: string): GraphFailure {
  const known = BY_STATUS[status]
  if (reason === undefined) {
    return graphError(status, known?.code ?? 'UnknownError', known?.message ?? '', known?.inner)
  }
  const inner = INNER[reason]
  if (inner !== undefined) return graphError(status, inner.code, inner.message, reason)
  const same = Object.values(BY_STATUS).find((entry) => entry.code === reason)
  return graphError(status, reason, same?.message ?? known?.message ?? 'The request failed.', same?.inner)
}
