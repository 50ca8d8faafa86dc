import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FunctionName } from '../lib/contract/routes.ts'
import type { Invoker } from './gateway/invoker.ts'
import { sendJson } from './http.ts'

const minute = 60_000

/** What a deployment's schedules start, and what each of them is given here. */
export const scheduled = {
  // A transfer that nothing has happened to for so long counts as left lying.
  'sweep-transfers': { idleSeconds: 30 },
  'keep-alive': {},
  'pack-grants': {},
  'erase-users': {},
  'follow-drives': {},
} as const satisfies Partial<Record<FunctionName, object>>

export const scheduledTimeoutMs = 5 * minute

export const isScheduled = (name: string): name is keyof typeof scheduled => Object.hasOwn(scheduled, name)

/** `POST /local/run/{function}`: runs a scheduled function once, now. Answers false for any other path. */
export function scheduledRoutes(invoker: Pick<Invoker, 'invoke'>) {
  return async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<boolean> => {
    const [, name] = /^\/local\/run\/([^/]+)$/.exec(url.pathname) ?? []
    if (req.method !== 'POST' || name === undefined) return false
    if (!isScheduled(name)) {
      sendJson(res, 404, { error: 'no schedule starts such a function', functions: Object.keys(scheduled) })
      return true
    }
    try {
      await invoker.invoke(name, scheduled[name])
      sendJson(res, 200, { ran: true })
    } catch (error) {
      // Its log says more; an error's text may quote what must not be printed.
      sendJson(res, 500, { ran: false, error: error instanceof Error ? error.name : 'unknown' })
    }
    return true
  }
}
