import type { Connection } from '../../lib/catalog/connections.ts'
import { systemClock } from '../../lib/clock.ts'
import type { LoadAct } from './grants-load.ts'
import { doAct, packAll } from './grants-load.ts'
import type { Endpoints } from './grants-stack.ts'
import { openStack } from './grants-stack.ts'

/** One act on a connection, or a run of the packer. */
export interface LoadOrder {
  readonly endpoints: Endpoints
  /** How far the parent's clock is ahead of this one's. */
  readonly clockOffset: number
  readonly act: LoadAct | 'pack'
  readonly connection?: Connection
  readonly token: string
  /** Between so many calls of AWS and the next one this process is killed. */
  readonly diesAfter?: number
}

export type LoadReport =
  | { readonly kind: 'ready' }
  /** `failed`: it may have been done, or a part of it. */
  | { readonly kind: 'done'; readonly calls: number; readonly failed: boolean }

process.on('disconnect', () => process.exit(0))
process.on('message', ({ endpoints, clockOffset, act, connection, token, diesAfter }: LoadOrder) => {
  let calls = 0
  const onCall = async <Answer>(perform: () => Promise<Answer>): Promise<Answer> => {
    if (calls === diesAfter) process.kill(process.pid, 'SIGKILL')
    calls += 1
    return perform()
  }
  const clock = { ...systemClock, now: () => Date.now() + clockOffset }
  const stack = openStack(endpoints, { clock, onCall })
  const work =
    act === 'pack' || connection === undefined ? packAll(stack) : doAct(stack, act, connection, token)
  const end = (failed: boolean): void => {
    stack.close()
    process.send?.({ kind: 'done', calls, failed } satisfies LoadReport)
  }
  void work.then(
    () => end(false),
    () => end(true),
  )
})
await import('@aws-sdk/client-secrets-manager')
process.send?.({ kind: 'ready' } satisfies LoadReport)
