/** One request as `GET /_sim/requests` shows it. Times are ISO 8601 on the simulator's clock. */
export interface LoggedRequest {
  id: number
  method: string
  /** path and query, as sent */
  path: string
  /** null while in progress, 0 when the connection ended with no answer */
  status: number | null
  requestBytes: number
  responseBytes: number
  account: string | null
  /** whether an Authorization header came along */
  authorization: boolean
  startedAt: string
  endedAt: string | null
}

/** The requests since the start or the last clear, oldest first. */
export interface RequestLog {
  begin(request: Pick<LoggedRequest, 'method' | 'path' | 'authorization' | 'startedAt'>): LoggedRequest
  list(): LoggedRequest[]
  clear(): void
}

// Memory stays flat through a long benchmark: only the newest are kept.
const MOST = 100_000

/** An empty log. */
export function openRequestLog(): RequestLog {
  let entries: LoggedRequest[] = []
  let ids = 0
  return {
    begin(request) {
      ids += 1
      const entry = {
        id: ids,
        ...request,
        status: null,
        requestBytes: 0,
        responseBytes: 0,
        account: null,
        endedAt: null,
      }
      entries.push(entry)
      if (entries.length > MOST * 1.1) entries = entries.slice(-MOST)
      return entry
    },
    list: () => entries.slice(-MOST),
    clear() {
      entries = []
    },
  }
}
