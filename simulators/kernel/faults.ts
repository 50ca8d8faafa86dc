import * as z from 'zod/mini'

const bytes = z.int().check(z.gte(0))
const headers = z.optional(z.record(z.string(), z.string()))

const action = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status'), status: z.int(), reason: z.optional(z.string()), headers }),
  z.object({ type: z.literal('reset'), afterBytes: z.optional(bytes) }),
  z.object({ type: z.literal('commit-then-reset') }),
  z.object({ type: z.literal('partial'), bytes }),
  z.object({ type: z.literal('delay'), ms: z.number().check(z.gte(0)) }),
  z.object({ type: z.literal('truncate'), afterBytes: z.optional(bytes) }),
  z.object({ type: z.literal('corrupt') }),
  z.object({ type: z.literal('rewrite'), add: bytes, extensions: z.optional(z.array(z.string())) }),
  z.object({ type: z.literal('garbage'), status: z.optional(z.int()) }),
])

/** The body of `POST /_sim/faults`. `times` left out means once. */
export const faultDefinition = z.object({
  match: z.prefault(
    z.object({
      method: z.optional(z.string()),
      path: z.optional(z.string().check(z.refine(isRegex, 'path is not a regular expression'))),
      fragment: z.optional(z.int().check(z.gte(1))),
    }),
    {},
  ),
  times: z.prefault(z.int().check(z.gte(1)), 1),
  action,
})

/** What happens to a request instead of, or beside, its answer. */
export type FaultAction = z.infer<typeof action>
export type FaultDefinition = z.infer<typeof faultDefinition>

/** The page of some proxy, where JSON was to be. */
export const GARBAGE = `<!DOCTYPE html>
<html lang=en>
<title>Error 502 (Server Error)</title>
<p><b>502.</b> <ins>That’s an error.</ins>
<p>The server encountered a temporary error and could not complete your request.
</html>
`

/** The armed faults, matched in the order they were posted. */
export interface Faults {
  add(fault: FaultDefinition): void
  list(): FaultDefinition[]
  clear(): void
  /**
   * The action for this request, if a fault matches; counts it down, and the last time removes it.
   * @param path path and query, as sent
   * @param fragment which upload fragment of its session this is, from 1; undefined when it is none
   */
  take(method: string, path: string, fragment: number | undefined): FaultAction | undefined
}

/** An empty list of faults. */
export function openFaults(): Faults {
  let armed: FaultDefinition[] = []
  return {
    add(fault) {
      armed.push(structuredClone(fault))
    },
    list: () => structuredClone(armed),
    clear() {
      armed = []
    },
    take(method, path, fragment) {
      const hit = armed.find(
        ({ match }) =>
          (match.method === undefined || match.method.toUpperCase() === method) &&
          (match.path === undefined || new RegExp(match.path).test(path)) &&
          (match.fragment === undefined || match.fragment === fragment),
      )
      if (hit === undefined) return undefined
      hit.times -= 1
      if (hit.times === 0) armed = armed.filter((fault) => fault !== hit)
      return hit.action
    },
  }
}

function isRegex(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}
