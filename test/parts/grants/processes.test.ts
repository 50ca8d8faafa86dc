import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { Order, Report } from './refresh-process.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import { connect, openWorld } from '../../support/grants-world.ts'

const processes = 8
const callsEach = 25
const hour = 3600 * 1000
const providers: readonly Cloud[] = ['google-drive', 'onedrive']

let world: World
let workers: Worker[] = []
let order = 0
beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  const living = workers.filter((worker) => !worker.ended())
  const missing = Array.from({ length: processes - living.length }, startWorker)
  workers = [...living, ...(await Promise.all(missing))]
  order += 1
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end()))
  await world.close()
})

type Done = Extract<Report, { kind: 'done' }>

interface Worker {
  readonly child: ChildProcess
  readonly reports: Report[]
  readonly ask: (order: Order) => void
  readonly done: () => Promise<Done>
  readonly ended: () => boolean
  readonly end: () => Promise<void>
}

async function startWorker(): Promise<Worker> {
  const child = fork(new URL('refresh-process.ts', import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const reports: Report[] = []
  child.on('message', (message: Report) => reports.push(message))
  await vi.waitFor(() => expect(reports).toContainEqual({ kind: 'ready' }), { timeout: 20_000 })
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    child,
    reports,
    ask: (order) => child.send(order),
    done: () =>
      vi.waitFor(
        () => {
          const done = reports.find((report) => report.kind === 'done' && report.id === order)
          if (done?.kind !== 'done') throw new Error('still asking')
          return done
        },
        { timeout: 25_000, interval: 20 },
      ),
    ended,
    async end() {
      if (ended()) return
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    },
  }
}

let users = 0
async function expired(provider: Cloud): Promise<Connection> {
  users += 1
  const connection = await connect(world.main, `many-${users}`, provider, `many-${users}@example.com`)
  world.advance(2 * hour)
  await world.simulator(provider).clear()
  return connection
}

function askAll(connection: Connection, leaseMs: number): void {
  const clockOffset = world.clock.now() - Date.now()
  for (const worker of workers)
    worker.ask({ id: order, endpoints: world.endpoints, connection, calls: callsEach, leaseMs, clockOffset })
}

/** The process whose refresh is on its way at the provider at this moment. */
async function winner(provider: Cloud): Promise<Worker> {
  await vi.waitFor(async () => expect(await world.simulator(provider).tokenCalls()).toBe(1), {
    timeout: 20_000,
    interval: 20,
  })
  const found = workers.find(({ reports }) =>
    reports.some((report) => report.kind === 'refreshing' && report.id === order),
  )
  if (found === undefined) throw new Error('nobody refreshes')
  return found
}

describe.each(providers)(
  `200 requests at once over ${processes} processes on an expired token of %s`,
  (provider) => {
    it('make exactly one refresh, and all succeed', async () => {
      const connection = await expired(provider)
      askAll(connection, 12_000)
      const outcomes = await Promise.all(workers.map((worker) => worker.done()))
      expect(outcomes.flatMap(({ errors }) => errors)).toEqual([])
      const versions = outcomes.flatMap((outcome) => outcome.versions)
      expect(versions).toHaveLength(processes * callsEach)
      expect(new Set(versions).size).toBe(1)
      expect(await world.simulator(provider).tokenCalls()).toBe(1)
    })

    it('make at most one more when the winner is killed right after its refresh was sent, and all others succeed', async () => {
      const connection = await expired(provider)
      await world.simulator(provider).fault({ type: 'delay', ms: 400 })
      askAll(connection, 2_500)
      const killed = await winner(provider)
      await killed.end()
      const survivors = workers.filter((worker) => worker !== killed)
      const outcomes = await Promise.all(survivors.map((worker) => worker.done()))
      expect(outcomes.flatMap(({ errors }) => errors)).toEqual([])
      expect(outcomes.flatMap(({ versions }) => versions)).toHaveLength((processes - 1) * callsEach)
      expect(await world.simulator(provider).tokenCalls()).toBe(2)
      expect((await world.main.connections.get(connection, connection.connectionId))?.status).toBe('active')
    })

    it('keep the newer token when the winner was frozen past its lease and writes late', async () => {
      const connection = await expired(provider)
      await world.simulator(provider).fault({ type: 'delay', ms: 300 })
      askAll(connection, 2_500)
      const frozen = await winner(provider)
      frozen.child.kill('SIGSTOP')
      const others = await Promise.all(
        workers.filter((worker) => worker !== frozen).map((worker) => worker.done()),
      )
      const [newer] = others.flatMap(({ versions }) => versions)
      frozen.child.kill('SIGCONT')
      const late = await frozen.done()
      expect([...others, late].flatMap(({ errors }) => errors)).toEqual([])
      const row = await world.main.tokens.get(connection.connectionId)
      expect(row?.version).toBe(newer)
      expect(row?.leaseOwner).toBeUndefined()
      expect(await world.simulator(provider).tokenCalls()).toBe(2)
    })
  },
)
