import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalStack } from '../../support/local-stack.ts'
import { freePorts, startLocalStack } from '../../support/local-stack.ts'

/** A stack that dies and rises again on the same ports and the same state. */
export interface Life {
  readonly base: string
  at(offset: number): string
  /** Everything that all of its lives have printed. */
  printed(): string
  kills: number
  /** How far its clocks are ahead, milliseconds. */
  aheadMs: number
  /** Waits until it is up, and keeps it from being killed until `work` is done. */
  whileUp<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when it is up. */
  isUp(): Promise<void>
  /** SIGKILL, when what has to be whole is done; `before` runs just before it. */
  kill(before: () => Promise<void>): Promise<void>
  /** Ends it and starts it with its clocks `ms` further on. */
  later(ms: number, before: () => Promise<void>): Promise<void>
  dispose(): Promise<void>
}

export async function beginLife(): Promise<Life> {
  const port = await freePorts()
  const stateDir = mkdtempSync(join(tmpdir(), 'driveway-histories-'))
  const start = (): Promise<LocalStack> =>
    startLocalStack({
      port,
      stateDir,
      env: {
        // Nobody waits a minute for it.
        SWEEP_EVERY_MS: '2000',
        ALLOWED_RETURN_URLS: 'https://app.example',
        CLOCK_AHEAD_MS: String(life.aheadMs),
      },
      preload: [new URL('../../support/clock-ahead.ts', import.meta.url)],
    })
  let before = ''
  let up: Promise<LocalStack>
  const held = new Set<Promise<unknown>>()
  const again = async (signal: NodeJS.Signals, last: () => Promise<void>): Promise<void> => {
    const stack = await up
    const risen = Promise.withResolvers<LocalStack>()
    up = risen.promise
    await Promise.allSettled(held)
    await last()
    await stack.stop(signal)
    before += stack.output()
    start().then(risen.resolve, risen.reject)
    await up
  }
  const life: Life = {
    base: `http://127.0.0.1:${String(port)}`,
    at: (offset) => `http://127.0.0.1:${String(port + offset)}`,
    printed: () => before,
    kills: 0,
    aheadMs: 0,
    async whileUp(work) {
      await up
      const working = work()
      held.add(working)
      try {
        return await working
      } finally {
        held.delete(working)
      }
    },
    isUp: async () => void (await up),
    async kill(last) {
      life.kills += 1
      await again('SIGKILL', last)
    },
    async later(ms, last) {
      life.aheadMs += ms
      await again('SIGTERM', last)
    },
    async dispose() {
      const stack = await up
      await stack.stop()
      before += stack.output()
      rmSync(stateDir, { recursive: true, force: true })
    },
  }
  up = start()
  await up
  return life
}
