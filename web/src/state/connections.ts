import { computed, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Connection, Driveway, Health } from '../../../client/src/browser.ts'
import { isDrivewayError } from '../../../client/src/browser.ts'
import { poll } from '../polling.ts'
import type { ProviderId } from '../../../lib/providers/registry.ts'
import { providerIds } from '../../../lib/providers/registry.ts'
import { paths } from './route.ts'

/** How the last way through a drive's consent page ended. */
export type Outcome =
  | { readonly kind: 'connected'; readonly connection: Connection }
  | { readonly kind: 'refused'; readonly provider: ProviderId | undefined; readonly error: string }
  | { readonly kind: 'failed'; readonly error: unknown }

export interface Connections {
  /** Undefined until they have been loaded once. */
  readonly list: ReadonlySignal<readonly Connection[] | undefined>
  /** Those that documents can be stored through. */
  readonly active: ReadonlySignal<readonly Connection[]>
  readonly health: ReadonlySignal<ReadonlyMap<string, Health>>
  readonly checking: ReadonlySignal<ReadonlySet<string>>
  readonly problem: ReadonlySignal<unknown>
  readonly outcome: ReadonlySignal<Outcome | undefined>
  /** The provider whose consent page is being opened. */
  readonly leaving: ReadonlySignal<string | undefined>
  readonly refresh: () => void
  checkHealth(connectionId: string): Promise<void>
  /** Leaves for the consent page; `s3` needs none. */
  connect(provider: ProviderId): Promise<void>
  reconnect(connection: Connection): Promise<void>
  disconnect(connectionId: string): Promise<void>
  readonly dismissOutcome: () => void
}

const slowPollMs = 30_000

export interface ConnectionsOptions {
  /** Runs before the page is left. */
  readonly beforeLeaving: () => Promise<void>
  readonly onActive: () => void
}

/** The user's drives. Takes the browser back from a consent page when it comes from there. */
export function connectionStore(
  driveway: Driveway,
  { beforeLeaving, onActive }: ConnectionsOptions,
): Connections {
  const list = signal<readonly Connection[] | undefined>(undefined)
  const health = signal<ReadonlyMap<string, Health>>(new Map())
  const checking = signal<ReadonlySet<string>>(new Set())
  const problem = signal<unknown>(undefined)
  const outcome = signal<Outcome | undefined>(undefined)
  const leaving = signal<string | undefined>(undefined)
  const returnUrl = `${location.origin}${paths.drives}`

  const load = async (): Promise<boolean> => {
    try {
      const next = await driveway.connections.list()
      const changed = JSON.stringify(next) !== JSON.stringify(list.value)
      if (changed) list.value = next
      problem.value = undefined
      return changed
    } catch (error) {
      problem.value = error
      throw error
    }
  }
  const settle = returning(driveway, outcome, load)
  const polling = poll(
    async () => {
      await settle()
      return load()
    },
    () => slowPollMs,
  )

  const leave = async (key: string, start: () => Promise<{ authorizationUrl?: string }>): Promise<void> => {
    outcome.value = undefined
    leaving.value = key
    try {
      const { authorizationUrl } = await start()
      if (authorizationUrl === undefined) {
        await load()
        onActive()
      } else {
        await beforeLeaving()
        location.assign(authorizationUrl)
        return
      }
    } catch (error) {
      outcome.value = { kind: 'failed', error }
    }
    leaving.value = undefined
  }
  // Back from the consent page by the browser's own back button,
  // this page may come alive again as it was left.
  globalThis.addEventListener('pageshow', () => {
    leaving.value = undefined
  })

  return {
    list,
    active: computed(() => list.value?.filter(({ status }) => status === 'active') ?? []),
    health,
    checking,
    problem,
    outcome,
    leaving,
    refresh: polling.soon,
    async checkHealth(id) {
      checking.value = new Set([...checking.value, id])
      try {
        const found = await driveway.connections.health(id)
        health.value = new Map([...health.value, [id, found]])
        if (list.value?.some((one) => one.id === id && one.status !== found.status) === true) await load()
      } catch (error) {
        if (isDrivewayError(error, 'connection_not_found')) await load().catch(() => false)
      } finally {
        checking.value = new Set([...checking.value].filter((other) => other !== id))
      }
    },
    connect: (provider) =>
      // What is refused leaves no connection to ask: the way back itself says which drive it was.
      leave(provider, () =>
        driveway.connections.start({ provider, returnUrl: `${returnUrl}?provider=${provider}` }),
      ),
    reconnect: ({ id }) => leave(id, () => driveway.connections.reauthorize(id, { returnUrl })),
    async disconnect(id) {
      outcome.value = undefined
      try {
        await driveway.connections.disconnect(id)
      } catch (error) {
        outcome.value = { kind: 'failed', error }
      }
      await load().catch(() => false)
    },
    dismissOutcome() {
      outcome.value = undefined
    },
  }
}

/** Finishes, once, what a drive's consent page has sent the browser back for. */
function returning(
  driveway: Driveway,
  outcome: { value: Outcome | undefined },
  load: () => Promise<boolean>,
): () => Promise<void> {
  const query = new URLSearchParams(location.search)
  const connectionId = query.get('connectionId')
  const completionCode = query.get('completionCode')
  const refusal = query.get('error')
  const provider = providerIds.find((id) => id === query.get('provider'))
  if (connectionId === null) return async () => undefined
  // The code works once; a reload must not try it again.
  history.replaceState(null, '', location.pathname)
  let done = false
  return async () => {
    if (done) return
    done = true
    if (completionCode !== null) {
      try {
        const connection = await driveway.connections.complete(connectionId, completionCode)
        outcome.value = { kind: 'connected', connection }
      } catch (error) {
        outcome.value = { kind: 'failed', error }
      }
    } else if (refusal !== null) {
      outcome.value = { kind: 'refused', provider, error: refusal }
    }
    await load().catch(() => false)
  }
}
