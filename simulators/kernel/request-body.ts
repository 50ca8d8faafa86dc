import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream'
import type { FaultAction } from './faults.ts'
import type { Latency } from './latency.ts'
import type { Random } from './random.ts'
import type { LoggedRequest } from './request-log.ts'
import { plainBody, requestFault, tap } from './taps.ts'

/** Where a request carries file content: all of the body, a part that the handler wraps itself, or none. */
export type ContentPlace = 'body' | 'handler' | 'none'

export interface RequestBodySetup {
  req: IncomingMessage
  fault: FaultAction | undefined
  contentIn: ContentPlace
  latency: Latency
  random: Random
  entry: LoggedRequest
}

/** What has become of an exchange. */
export interface State {
  /** The connection broke off. */
  lost: boolean
  answered: boolean
  /** The `corrupt` fault has file content ahead of it. */
  corruptible: boolean
}

/** The request's body as it arrives, behind the taps of a fault. */
export function requestBody(
  { req, fault, contentIn, latency, random, entry }: RequestBodySetup,
  length: number | undefined,
  state: State,
  drop: () => void,
): Readable {
  if (fault === undefined && latency.slice() === undefined) {
    return plainBody(
      req,
      (bytes) => {
        entry.requestBytes += bytes
      },
      () => {
        state.lost = true
      },
    )
  }
  const stream = tap({
    socket: req.socket,
    latency,
    random,
    ...requestFault(fault, contentIn === 'body'),
    length,
    count: (bytes) => {
      entry.requestBytes += bytes
    },
    cut: () => {
      if (state.lost) return
      req.unpipe(stream)
      stream.end()
      drop()
    },
  })
  if (contentIn === 'body') state.corruptible = false
  req.pipe(stream)
  finished(req, { writable: false }, (error) => {
    if (error === undefined || error === null) return
    state.lost = true
    stream.end()
  })
  return stream
}
