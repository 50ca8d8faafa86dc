import { allowsOrigin } from '../lib/contract/cors.ts'

/** Whether pages of an origin may read what is answered. */
export type PageGuard = (origin: string | undefined) => origin is string

/** Says once for each origin that its pages may not: a browser tells its developer nothing of use. */
export function guardPages(listed: readonly string[], log: (line: string) => void): PageGuard {
  const told = new Set<string>()
  return (origin): origin is string => {
    if (allowsOrigin(listed, origin)) return true
    if (origin !== undefined && told.size < 100 && !told.has(origin)) {
      told.add(origin)
      log(`driveway: pages of ${JSON.stringify(origin)} may not call: list it in CORS_ORIGINS`)
    }
    return false
  }
}
