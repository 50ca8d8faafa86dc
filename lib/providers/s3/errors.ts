import { ServiceError } from '../../errors.ts'
import { meaningsFor, meant, operators, type Meaning } from '../meanings.ts'

const { throttled, down, missing, refused, ...common } = meaningsFor('S3', 'bucket')
/** It is the deployment's own: no user can free space in it. */
const full: Meaning = { ...common.full, detail: 'The bucket is full.' }
const misconfigured = operators('The deployment may not use its storage bucket as it is set up.')

/**
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList; the last two are MinIO's
 */
const byName: Readonly<Record<string, Meaning>> = {
  NoSuchKey: missing,
  NotFound: missing,
  AccessDenied: misconfigured,
  AllAccessDisabled: misconfigured,
  NoSuchBucket: misconfigured,
  InvalidAccessKeyId: misconfigured,
  SignatureDoesNotMatch: misconfigured,
  ExpiredToken: misconfigured,
  CredentialsProviderError: misconfigured,
  SlowDown: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  RequestLimitExceeded: throttled,
  TooManyRequestsException: throttled,
  OperationAborted: down,
  // Two conditional writes met. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
  ConditionalRequestConflict: down,
  RequestTimeout: down,
  XMinioStorageFull: full,
  XMinioAdminBucketQuotaExceeded: full,
}

function byStatus(status: number): Meaning {
  if (status === 404) return missing
  if (status === 401 || status === 403) return misconfigured
  if (status === 429) return throttled
  if (status === 507) return full
  // Status 0 is a connection that failed.
  return status === 0 || status === 408 || status >= 500 ? down : refused
}

/** What the SDK threw, as this project's error. A ServiceError stays what it is. */
export function s3Error(error: unknown, { writing }: { readonly writing: boolean }): ServiceError {
  if (error instanceof ServiceError) return error
  const name = nameOf(error)
  const status = statusOf(error)
  const meaning = byName[name] ?? byStatus(status)
  return meant(meaning, {
    cause: error,
    ambiguous: writing && meaning === down,
    context: {
      ...(/^\w{1,64}$/.test(name) ? { providerCode: name } : {}),
      ...(status === 0 ? {} : { providerStatus: status }),
    },
  })
}

/** The status of S3's answer; 0 when none came. */
export function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return 0
  const metadata: unknown = error.$metadata
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return 0
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : 0
}

/** S3's error code (the SDK makes it the error's name), or the system's for a connection that failed. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (statusOf(error) === 0 && 'code' in error && typeof error.code === 'string') return error.code
  return error.name
}
