import { ServiceError } from '../errors.ts'

export function isGone(error: unknown): boolean {
  return error instanceof Error && ['NotFound', 'NoSuchKey', 'NoSuchVersion'].includes(error.name)
}

export function isReplaced(error: unknown): boolean {
  return (
    error instanceof Error &&
    ['PreconditionFailed', 'InvalidRange', 'ConditionalRequestConflict'].includes(error.name)
  )
}

/** S3 is our own side: what fails there is worth another try, and never the provider's fault. */
export function bucketError(error: unknown, code = error instanceof Error ? error.name : 'unknown'): Error {
  if (error instanceof Error && error.name === 'AbortError') return error
  return new ServiceError('internal_error', 'The intake bucket could not be read or written.', {
    retry: { retryable: true },
    context: { providerCode: code },
    cause: error,
  })
}
