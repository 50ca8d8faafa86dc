import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod/mini'
import { AwsJsonError, parseInput } from './json-protocol.ts'

const faultInput = z.object({
  match: z.object({ target: z.string() }),
  times: z.int().check(z.gte(1)),
  action: z.discriminatedUnion('type', [
    z.object({ type: z.literal('throttle') }),
    z.object({ type: z.literal('error'), code: z.optional(z.string()), status: z.optional(z.int()) }),
    z.object({ type: z.literal('delay'), ms: z.int().check(z.gte(0)) }),
  ]),
})

export type Fault = z.infer<typeof faultInput>

/**
 * Faults that a test has asked for, and how often each operation
 * was called. In memory: a restart clears both.
 */
export class Faults {
  #faults: Fault[] = []
  readonly #requests = new Map<string, number>()

  /** Adds a fault from a request body. @throws AwsJsonError when it is malformed. */
  add(input: unknown): Fault {
    const fault = parseInput(faultInput, input)
    try {
      RegExp(fault.match.target)
    } catch {
      throw new AwsJsonError('ValidationException', 'match.target is not a regular expression')
    }
    this.#faults.push(fault)
    return fault
  }

  list(): readonly Fault[] {
    return this.#faults
  }

  clear(): void {
    this.#faults = []
  }

  requests(): Record<string, number> {
    return Object.fromEntries(this.#requests)
  }

  clearRequests(): void {
    this.#requests.clear()
  }

  /**
   * Counts a call and lets the first fault that matches it happen.
   * @throws AwsJsonError for throttles and errors.
   */
  async apply(target: string): Promise<void> {
    this.#requests.set(target, (this.#requests.get(target) ?? 0) + 1)
    const fault = this.#faults.find((candidate) => RegExp(candidate.match.target).test(target))
    if (!fault) return
    fault.times -= 1
    this.#faults = this.#faults.filter((candidate) => candidate.times > 0)
    const { action } = fault
    if (action.type === 'delay') await pause(action.ms)
    else if (action.type === 'throttle') throw new AwsJsonError('ThrottlingException', 'Rate exceeded')
    else
      throw new AwsJsonError(action.code ?? 'InternalServiceError', 'A fault that was asked for', {
        status: action.status ?? 500,
      })
  }
}
