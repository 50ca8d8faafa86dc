import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod/mini'

/** The body of `POST /_sim/latency`. */
export const latencySetting = z.object({
  ms: z.prefault(z.number().check(z.gte(0)), 0),
  bytesPerSecond: z.optional(z.number().check(z.gte(0))),
})

export type LatencySetting = z.infer<typeof latencySetting>

/** How slow the simulated network is: a wait before every request, and a rate each connection is held to. */
export interface Latency {
  set(setting: LatencySetting): void
  get(): LatencySetting
  /** The wait in front of a request. */
  wait(): Promise<void>
  /** The most bytes to pass on at once under the current rate; undefined when there is no rate. */
  slice(): number | undefined
  /** Accounts `bytes` to the connection, both directions together, and waits until its rate allows them. */
  pace(socket: Socket, bytes: number): Promise<void>
}

/** No latency and no rate until `set`. */
export function openLatency(): Latency {
  let current: LatencySetting = { ms: 0 }
  const freeAt = new WeakMap<Socket, number>()
  return {
    set(setting) {
      current = setting
    },
    get: () => current,
    async wait() {
      if (current.ms > 0) await sleep(current.ms)
    },
    // A twentieth of a second at a time, so that the flow is even and not in gulps.
    slice: () => (current.bytesPerSecond ? Math.max(1, Math.ceil(current.bytesPerSecond / 20)) : undefined),
    async pace(socket, bytes) {
      const rate = current.bytesPerSecond
      if (!rate) return
      const now = performance.now()
      const free = Math.max(now, freeAt.get(socket) ?? now) + (bytes / rate) * 1000
      freeAt.set(socket, free)
      if (free - now >= 1) await sleep(free - now)
    },
  }
}
