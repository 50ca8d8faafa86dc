import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../../lib/clock.ts'
import type { ConnectionId } from '../../lib/ids.ts'
import type { CreatedObject } from '../../lib/queue/object-created.ts'
import type { HallSettings } from '../../lib/transfer/hall.ts'
import { parseRowMessage } from '../../lib/queue/row-message.ts'
import { secret } from '../../lib/secret.ts'
import { sendRequest } from '../../lib/net/http-client.ts'
import { loadProvider } from '../../lib/providers/load.ts'
import type { OAuthProviderId } from '../../lib/providers/registry.ts'
import { aboutOf } from '../../lib/providers/registry.ts'
import type { WorldEndpoints } from './intake-world.ts'
import { deliverMessage, messageOf, must, openClients, openDeps, takeMessages } from './intake-world.ts'

/** What a process that ingests is told at its start, as JSON in INGEST_CONFIG. */
export interface IngestConfig {
  readonly endpoints: WorldEndpoints
  readonly provider: OAuthProviderId
  readonly origin: string
  readonly connectionId: ConnectionId
  readonly accessToken: string
  readonly settings: Partial<HallSettings>
  readonly fragmentBytes?: number
}

export interface IngestOrder {
  readonly objects: readonly CreatedObject[]
  readonly messageId: string
  readonly concurrency: number
}

export interface IngestReport {
  readonly ms: number
  readonly peakRssMiB: number
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  /**
   * What this thread itself computed between two ticks that should be 5 ms apart:
   * the delay without other processes' share of it.
   */
  readonly busyP99Ms: number
}

/** A process of its own that ingests what it is told to, as the function does, and says what it took. */
async function main(): Promise<void> {
  const parsed: unknown = JSON.parse(must(process.env['INGEST_CONFIG']))
  const config = parsed as IngestConfig
  const clock = systemClock
  const token = { token: secret(config.accessToken), version: 1, expiresAt: Number.MAX_SAFE_INTEGER }
  const tokens = {
    get: () => Promise.resolve(token),
    renew: () => Promise.reject(new Error('The token was refused.')),
    lost: () => Promise.resolve(),
  }
  const endpoint = aboutOf(config.provider).simulator?.endpointSetting ?? ''
  const provider = await loadProvider[config.provider]()
  const open = provider.opener({
    clock,
    observe: () => undefined,
    send: sendRequest,
    settings: { [endpoint]: config.origin },
  })
  const connection = { connectionId: config.connectionId, memo: {}, remember: () => Promise.resolve() }
  const made = open(connection, { kind: 'oauth2', tokens })
  const { fragmentBytes } = config
  const { sessions } = made
  const driver =
    fragmentBytes === undefined || !sessions ? made : { ...made, sessions: { ...sessions, fragmentBytes } }
  const opened = openDeps(openClients(config.endpoints), {
    clock,
    openDriver: () => Promise.resolve(driver),
    publish: () => undefined,
    settings: config.settings,
  })

  process.on('disconnect', () => process.exit(0))
  process.on('message', (order: IngestOrder) => {
    void run(order)
  })
  process.send?.('ready')

  const one = async (body: string, messageId: string): Promise<void> => {
    for (;;) {
      const end = await deliverMessage(opened, body, { messageId, deadline: clock.now() + 900_000 })
      if (end.kind === 'done') return
      await clock.sleep(Math.min(1000, end.afterSeconds * 1000))
    }
  }
  const run = async (order: IngestOrder): Promise<void> => {
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const busy: number[] = []
    let before = process.threadCpuUsage()
    const ticks = setInterval(() => {
      const { user, system } = process.threadCpuUsage(before)
      before = process.threadCpuUsage()
      busy.push((user + system) / 1000)
    }, 5)
    const started = performance.now()
    const waiting = [...order.objects.entries()]
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        await one(messageOf(next[1]), `${order.messageId}-${String(next[0])}`)
      }
    }
    await Promise.all(Array.from({ length: order.concurrency }, worker))
    // What the intake asked itself to look at. It goes by the first object's
    // message, which comes back when this process is killed.
    for (;;) {
      const looks = (await takeMessages(opened)).filter((body) => parseRowMessage(body))
      if (looks.length === 0) break
      for (const body of looks) await one(body, `${order.messageId}-0`)
    }
    delay.disable()
    clearInterval(ticks)
    busy.sort((a, b) => a - b)
    const report: IngestReport = {
      ms: performance.now() - started,
      peakRssMiB: process.resourceUsage().maxRSS / 1024,
      delayP99Ms: delay.percentile(99) / 1e6,
      delayMaxMs: delay.max / 1e6,
      busyP99Ms: busy[Math.floor(busy.length * 0.99)] ?? 0,
    }
    process.send?.(report)
  }
}

if (process.env['INGEST_CONFIG'] !== undefined) await main()
