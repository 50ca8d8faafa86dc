import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connection, ConnectionStore } from '../../../lib/catalog/connections.ts'
import { connectionStore } from '../../../lib/catalog/connections.ts'
import { tables } from '../../../lib/contract/tables.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { localTableName } from '../../../local/environment.ts'
import { startAwsStack } from '../../../emulators/stack.ts'
import { createTables } from '../../../emulators/tables.ts'
import { dynamoAt } from '../../support/aws-caller.ts'
import { caller } from '../../support/grants-world.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

interface TellEvent {
  readonly 'detail-type': string
  readonly detail: { readonly eventId: string; readonly seq: number; readonly connectionId: string }
}

async function openWorld() {
  const folder = await temporaryFolder()
  const stack = await startAwsStack({
    ports: { s3: 0, dynamoDb: 0, sqs: 0, secrets: 0 },
    stateDir: join(folder.path, 'aws'),
  })
  await createTables(
    stack.dynamoDb,
    tables.map((table) => ({ ...table, name: localTableName(table.name) })),
  )
  const client = dynamoAt(stack.dynamoDb)
  const local = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${stack.secrets}/_local/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return answer.json()
  }
  let child: ChildProcess | undefined
  return {
    connections: connectionStore(client, localTableName('connections'), Date.now),
    /** What the bus has taken, oldest first. */
    events: async () => (await local('GET', 'events')) as TellEvent[],
    forget: () => local('DELETE', 'events'),
    fault: (action: object, times: number) =>
      local('POST', 'faults', { match: { target: 'PutEvents' }, times, action }),
    clearFaults: () => local('DELETE', 'faults'),
    async start(): Promise<void> {
      const env = {
        PATH: process.env['PATH'] ?? '',
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
        AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb,
        AWS_ENDPOINT_URL_DYNAMODB_STREAMS: stack.dynamoDb,
        AWS_ENDPOINT_URL_SQS: stack.sqs,
        AWS_ENDPOINT_URL_EVENTBRIDGE: stack.secrets,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        EVENT_BUS: 'driveway',
        WEBHOOKS_TABLE: localTableName('webhooks'),
        ARRIVALS_QUEUE_URL: stack.arrivalsQueueUrl,
        LOG_LEVEL: 'SILENT',
      }
      child = fork(new URL('tell-process.ts', import.meta.url), [join(folder.path, 'worker')], {
        env,
        execArgv: [],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      await once(child, 'message')
    },
    async kill(): Promise<void> {
      if (child === undefined) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      child = undefined
    },
    async close() {
      await this.kill()
      await stack.close()
      await folder.remove()
    },
  }
}

let world: Awaited<ReturnType<typeof openWorld>>
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.kill()
  await world.clearFaults()
  await world.forget()
})

const begin = (connections: ConnectionStore, user: string): Promise<Connection> =>
  connections.create({
    ...caller(user),
    connectionId: newConnectionId(),
    provider: 'google-drive',
    status: 'pending',
  })

/**
 * Turns a connection on and off, so that it has `count` events; every other
 * write in between has none. Answers their ids.
 */
async function liveThrough(connections: ConnectionStore, connection: Connection, count: number) {
  const ids: string[] = []
  let seen = connection
  const write = async (changes: Parameters<ConnectionStore['update']>[1]): Promise<void> => {
    const next = await connections.update(seen, changes)
    if (next === undefined) throw new Error('somebody else writes this connection')
    seen = next
  }
  for (let at = 0; at < count; at += 1) {
    const id = randomUUID()
    ids.push(id)
    if (at % 2 === 0)
      await write({ status: 'active', reason: undefined, event: { id, type: 'Connection Activated' } })
    else
      await write({
        status: 'requires_reauth',
        reason: 'grant_revoked',
        event: { id, type: 'Connection Requires Reauth' },
      })
    await write({ email: `${id}@example.com` })
  }
  return ids
}

const of = (events: readonly TellEvent[], connection: Connection): TellEvent[] =>
  events.filter(({ detail }) => detail.connectionId === connection.connectionId)

/** The ids in the order of their first arrival. */
const firsts = (events: readonly TellEvent[]): string[] => [
  ...new Set(events.map(({ detail }) => detail.eventId)),
]

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  await expect.poll(condition, { interval: 20, timeout: 60_000 }).toBe(true)
}

describe('the events of connections', () => {
  it('arrive once and in order, each with what its row said', async () => {
    await world.start()
    const connection = await begin(world.connections, 'ordered')
    const ids = await liveThrough(world.connections, connection, 25)
    await until(async () => of(await world.events(), connection).length >= 25)
    const told = of(await world.events(), connection)
    expect(told.map(({ detail }) => detail.eventId)).toEqual(ids)
    expect(told.map(({ detail }) => detail.seq)).toEqual(ids.map((_, at) => at + 1))
    expect(told[1]).toMatchObject({
      source: 'driveway',
      'detail-type': 'Connection Requires Reauth',
      detail: {
        eventId: ids[1],
        seq: 2,
        schemaVersion: 1,
        occurredAt: expect.stringMatching(/^20\d\d-.*Z$/),
        userId: 'ordered',
        connectionId: connection.connectionId,
        provider: 'google-drive',
        reason: 'grant_revoked',
      },
    })
    expect(told[0]?.detail).not.toHaveProperty('reason')
  })

  it('are told of writes that were made while nobody was there to tell', async () => {
    const connection = await begin(world.connections, 'away')
    const ids = await liveThrough(world.connections, connection, 3)
    expect(of(await world.events(), connection)).toEqual([])
    await world.start()
    await until(async () => of(await world.events(), connection).length >= 3)
    expect(firsts(of(await world.events(), connection))).toEqual(ids)
  })

  it('are not lost on a bus that refuses for a while, and keep their order', async () => {
    await world.start()
    await world.fault({ type: 'throttle' }, 6)
    await world.fault({ type: 'error', status: 503 }, 4)
    const connection = await begin(world.connections, 'refused')
    const ids = await liveThrough(world.connections, connection, 15)
    await until(async () => firsts(of(await world.events(), connection)).length >= 15)
    expect(firsts(of(await world.events(), connection))).toEqual(ids)
  })

  it('survive ten kills of who tells them; what comes twice has the same id', async () => {
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((user) => begin(world.connections, user)))
    const ids = new Map<string, string[]>(all.map(({ connectionId }) => [connectionId, []]))
    const latest = new Map(all.map((connection) => [connection.connectionId, connection]))
    for (let kill = 0; kill < 10; kill += 1) {
      await world.start()
      // Slow enough that some kills meet a call that the bus has taken and nobody has noted.
      await world.fault({ type: 'delay', ms: 30 }, 50)
      const writing = Promise.all(
        all.map(async (connection) => {
          const { connectionId } = connection
          const seen = latest.get(connectionId)
          if (seen === undefined) return
          ids.get(connectionId)?.push(...(await liveThrough(world.connections, seen, 6)))
          const now = await world.connections.get(connection, connectionId)
          if (now) latest.set(connectionId, now)
        }),
      )
      const before = (await world.events()).length
      await until(async () => (await world.events()).length > before + (kill % 4))
      await world.kill()
      await writing
      await world.clearFaults()
    }
    await world.start()
    for (const connection of all) {
      const expected = ids.get(connection.connectionId) ?? []
      await until(async () => firsts(of(await world.events(), connection)).length >= expected.length)
      const told = of(await world.events(), connection)
      expect(firsts(told)).toEqual(expected)
      const numbers = new Map(told.map(({ detail }) => [detail.eventId, detail.seq]))
      for (const { detail } of told) expect(detail.seq).toBe(numbers.get(detail.eventId))
      expect(expected.map((id) => numbers.get(id))).toEqual(expected.map((_, at) => at + 1))
    }
    const total = await world.events()
    expect(total.length).toBeGreaterThan(new Set(total.map(({ detail }) => detail.eventId)).size)
  }, 240_000)
})
