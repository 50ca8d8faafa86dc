import { isDrivewayError } from '../../../client/src/browser.ts'
import { adviceFor } from '../words.ts'
import { WarningIcon } from './icons.tsx'

export interface ProblemProps {
  readonly error: unknown
  readonly onRetry?: (() => void) | undefined
}

/** An error in words, with what to do next. */
export function Problem({ error, onRetry }: ProblemProps) {
  const { title, next } = adviceFor(error)
  const requestId = isDrivewayError(error) ? error.requestId : undefined
  const detail = isDrivewayError(error, 'invalid_request') ? error.detail : undefined
  return (
    <div class="notice notice-bad" role="alert">
      <WarningIcon />
      <div class="notice-words">
        <strong>{title}</strong>
        <span>{next}</span>
        {detail !== undefined && <span class="soft">{detail}</span>}
        {requestId !== undefined && <span class="soft small-text">Number for support: {requestId}</span>}
      </div>
      {onRetry !== undefined && (
        <button class="button small" type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}
