import type { Headers } from '../../kernel/exchange.ts'
import { Refusal } from '../../kernel/exchange.ts'

/** One entry of Drive's error envelope. */
export interface DriveErrorDetail {
  message: string
  domain: string
  reason: string
  location?: string
  locationType?: string
}

interface Known {
  message: string
  domain?: string
  location?: string
  locationType?: string
}

// https://developers.google.com/workspace/drive/api/guides/handle-errors
const KNOWN: Record<string, Known> = {
  rateLimitExceeded: { message: 'Rate Limit Exceeded', domain: 'usageLimits' },
  userRateLimitExceeded: { message: 'User Rate Limit Exceeded', domain: 'usageLimits' },
  sharingRateLimitExceeded: {
    message: 'Rate limit exceeded. User message: These item(s) could not be shared.',
  },
  dailyLimitExceeded: { message: 'Daily Limit Exceeded', domain: 'usageLimits' },
  storageQuotaExceeded: {
    message: "The user's Drive storage quota has been exceeded.",
    domain: 'usageLimits',
  },
  downloadQuotaExceeded: {
    message: 'The download quota for this file has been exceeded.',
    domain: 'usageLimits',
  },
  insufficientFilePermissions: { message: 'The user does not have sufficient permissions for this file.' },
  insufficientPermissions: {
    message: 'Insufficient Permission: Request had insufficient authentication scopes.',
  },
  appNotAuthorizedToFile: { message: 'The user has not granted the app access to the file.' },
  accessNotConfigured: {
    message: 'Google Drive API has not been used in this project before or it is disabled.',
    domain: 'usageLimits',
  },
  domainPolicy: { message: 'The domain administrators have disabled Drive apps.' },
  fileIdInUse: {
    message: 'A file already exists with the provided ID.',
    location: 'file.id',
    locationType: 'other',
  },
  notFound: { message: 'File not found.', location: 'fileId', locationType: 'parameter' },
  requestedRangeNotSatisfiable: {
    message: 'Request range not satisfiable',
    location: 'Range',
    locationType: 'header',
  },
  cannotDownloadAbusiveFile: {
    message: 'This file has been identified as malware or spam and cannot be downloaded.',
  },
  invalidAbuseAcknowledgment: {
    message: 'Only set acknowledgeAbuse when the file is identified as abusive.',
  },
  fileNotDownloadable: {
    message: 'Only files with binary content can be downloaded. Use Export with Docs Editors files.',
    location: 'alt',
    locationType: 'parameter',
  },
  backendError: { message: 'Backend Error' },
  internalError: { message: 'Internal Error' },
}

const DEFAULT_REASON: Record<number, string> = {
  400: 'badRequest',
  401: 'authError',
  403: 'userRateLimitExceeded',
  404: 'notFound',
  409: 'fileIdInUse',
  416: 'requestedRangeNotSatisfiable',
  429: 'rateLimitExceeded',
  500: 'internalError',
}

const RPC_STATUS: Record<number, string> = { 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED' }
const UNAUTHENTICATED =
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.'
const CHALLENGE = 'Bearer realm="https://accounts.google.com/"'

/** The envelope for a status and reason, as Drive words it; what a `status` fault answers. */
export function envelope(status: number, reason?: string): { body: unknown; headers?: Headers } {
  const name = reason ?? DEFAULT_REASON[status] ?? (status >= 500 ? 'backendError' : 'badRequest')
  if (name === 'authError')
    return { body: authBody(), headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_token"` } }
  const known = KNOWN[name] ?? { message: name }
  return { body: driveBody(status, { domain: 'global', ...known, reason: name }) }
}

/** An error in Drive's envelope, with its own message where the general one does not do. */
export function driveError(status: number, reason: string, detail: Partial<DriveErrorDetail> = {}): Refusal {
  const known = KNOWN[reason] ?? { message: reason }
  return new Refusal(status, driveBody(status, { domain: 'global', ...known, ...detail, reason }))
}

/** 404 also for what exists but is not visible to the application. */
export function fileNotFound(id: string): Refusal {
  return driveError(404, 'notFound', { message: `File not found: ${id}.` })
}

/** 400 for a parameter with a value that cannot be. */
export function invalidParameter(location: string, message = 'Invalid Value', reason = 'invalid'): Refusal {
  return driveError(400, reason, { message, location, locationType: 'parameter' })
}

/** 401 for a token that is unknown, expired or revoked. */
export function invalidCredentials(): Refusal {
  return new Refusal(401, authBody(), { 'www-authenticate': `${CHALLENGE}, error="invalid_token"` })
}

/** 401 when no credentials came at all. */
export function loginRequired(): Refusal {
  const body = {
    error: {
      code: 401,
      message:
        'Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.',
      errors: [
        {
          message: 'Login Required.',
          domain: 'global',
          reason: 'required',
          location: 'Authorization',
          locationType: 'header',
        },
      ],
      status: 'UNAUTHENTICATED',
      details: [errorInfo('CREDENTIALS_MISSING')],
    },
  }
  return new Refusal(401, body, { 'www-authenticate': CHALLENGE })
}

/** 403 for a live token without a scope that the method accepts. */
export function insufficientScopes(): Refusal {
  const message = 'Request had insufficient authentication scopes.'
  return new Refusal(
    403,
    {
      error: {
        code: 403,
        message,
        errors: [{ message: 'Insufficient Permission', domain: 'global', reason: 'insufficientPermissions' }],
        status: 'PERMISSION_DENIED',
        details: [errorInfo('ACCESS_TOKEN_SCOPE_INSUFFICIENT')],
      },
    },
    { 'www-authenticate': `${CHALLENGE}, error="insufficient_scope"` },
  )
}

function driveBody(status: number, detail: DriveErrorDetail): unknown {
  const rpc = detail.domain === 'global' ? undefined : RPC_STATUS[status]
  return {
    error: {
      code: status,
      message: detail.message,
      errors: [detail],
      ...(rpc === undefined ? {} : { status: rpc }),
    },
  }
}

function authBody(): unknown {
  return {
    error: {
      code: 401,
      message: UNAUTHENTICATED,
      errors: [
        {
          message: 'Invalid Credentials',
          domain: 'global',
          reason: 'authError',
          location: 'Authorization',
          locationType: 'header',
        },
      ],
      status: 'UNAUTHENTICATED',
    },
  }
}

function errorInfo(reason: string): unknown {
  return {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason,
    domain: 'googleapis.com',
    metadata: { service: 'drive.googleapis.com' },
  }
}
