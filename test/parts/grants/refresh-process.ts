import type { Connection } from '../../../lib/catalog/connections.ts'
import { systemClock } from '../../../lib/clock.ts'
import type { Endpoints } from '../../support/grants-stack.ts'
import { openStack } from '../../support/grants-stack.ts'

/** What the parent sends: ask `calls` times at once for a token of `connection`. */
export interface Order {
  readonly id: number
  readonly endpoints: Endpoints
  readonly connection: Connection
  readonly calls: number
  readonly leaseMs: number
  /** How far the parent's clock is ahead of this one's. */
  readonly clockOffset: number
}

export type Report =
  | { readonly kind: 'ready' }
  /** This process is the one that refreshes. */
  | { readonly kind: 'refreshing'; readonly id: number }
  | {
      readonly kind: 'done'
      readonly id: number
      readonly versions: readonly number[]
      readonly errors: readonly string[]
    }

const report = (message: Report): void => void process.send?.(message)

process.on('disconnect', () => process.exit(0))
process.on('message', (order: Order) => {
  const { id, endpoints, connection, calls, leaseMs, clockOffset } = order
  const clock = { ...systemClock, now: () => Date.now() + clockOffset }
  const { accessTokens } = openStack(endpoints, {
    clock,
    leaseMs,
    onRefresh: () => report({ kind: 'refreshing', id }),
  })
  const source = accessTokens.sourceOf(connection)
  void Promise.allSettled(Array.from({ length: calls }, () => source.get())).then((outcomes) => {
    const versions = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value.version] : [],
    )
    const errors = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [String(outcome.reason)] : [],
    )
    report({ kind: 'done', id, versions, errors })
  })
})
// Loaded beforehand, so that the leases of a test can be short on a busy machine.
await Promise.all([import('@azure/msal-node'), import('@aws-sdk/client-secrets-manager')])
report({ kind: 'ready' })
