import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import { dayMs } from '../clock.ts'
import { deliveryDays, testType } from '../contract/webhook-types.ts'
import type { NewId, UserKey } from '../ids.ts'
import { randomId } from '../ids.ts'
import type { Page } from './table.ts'
import { rowParser, rowTable } from './table.ts'
import type { RowChanges } from './versioned-table.ts'
import { versionedTable } from './versioned-table.ts'

const stamps = { createdAt: z.string(), updatedAt: z.string(), version: z.int() }

/** An endpoint of the app. All of a deployment lie together, so that they are read at once, consistently. */
const webhook = z.object({
  app: z.literal('app'),
  id: z.string(),
  url: z.string(),
  /** Which events it wants; all when absent. */
  types: z.exactOptional(z.readonly(z.array(z.string()))),
  status: z.enum(['active', 'disabled']),
  /** Sealed. */
  secret: z.string(),
  /** The one before, which signs too until then; epoch milliseconds. */
  before: z.exactOptional(z.object({ secret: z.string(), until: z.number() })),
  ...stamps,
})

export type Webhook = Readonly<z.output<typeof webhook>>

export interface WebhookStore {
  get(id: string): Promise<Webhook | undefined>
  /** All of them, consistently. */
  list(): Promise<readonly Webhook[]>
  create(row: Pick<Webhook, 'id' | 'url' | 'types' | 'secret'>): Promise<Webhook | undefined>
  /** Undefined when somebody else has changed it since `seen` was read. */
  change(seen: Webhook, changes: RowChanges<Webhook, 'app' | 'id'>): Promise<Webhook | undefined>
  /** Already gone is success. */
  remove(id: string): Promise<void>
}

export function webhookStore(
  client: Dynamo,
  tableName: string,
  now: () => number,
  newId: NewId = randomId,
): WebhookStore {
  const parse = rowParser('webhook', webhook)
  const table = versionedTable(client, tableName, { parse, key: ['app', 'id'], now, newId })
  const plain = rowTable(client, tableName, parse)
  return {
    get: (id) => table.get({ app: 'app', id }),
    async list() {
      const keyCondition = { expression: 'app = :app', values: { ':app': 'app' } }
      return (await plain.query({ keyCondition })).rows
    },
    create: (row) => table.create({ ...row, app: 'app', status: 'active' }),
    change: (seen, changes) => table.change(seen, changes),
    async remove(id) {
      await plain.delete({ app: 'app', id })
    },
  }
}

/** One event on its way to one endpoint. */
const delivery = z.object({
  webhookId: z.string(),
  eventId: z.string(),
  /** Whom it is about, where it is about somebody. */
  userKey: z.exactOptional(z.string()),
  type: z.string(),
  /** What is sent, byte for byte. */
  body: z.string(),
  status: z.enum(['pending', 'delivered', 'dead']),
  attempts: z.int(),
  /** Epoch milliseconds. */
  nextAt: z.int(),
  /** What the last attempt was answered; 0 for no answer. */
  answered: z.exactOptional(z.int()),
  /** Epoch seconds. */
  expiresAt: z.int(),
  ...stamps,
})

export type Delivery = Readonly<z.output<typeof delivery>>
/** What is to be delivered. */
export type Told = Pick<Delivery, 'webhookId' | 'eventId' | 'userKey' | 'type' | 'body'>

export interface DeliveryStore {
  get(webhookId: string, eventId: string): Promise<Delivery | undefined>
  /** The row of a delivery that begins, or the one that there is. */
  begin(told: Told): Promise<Delivery | undefined>
  change(
    seen: Delivery,
    changes: RowChanges<Delivery, 'webhookId' | 'eventId'>,
  ): Promise<Delivery | undefined>
  /** At most `limit` of an endpoint, in the order of their events' ids. */
  list(webhookId: string, limit: number, after: string | undefined): Promise<Page<Delivery>>
  /** Removes those about a user; answers how many there were. */
  removeOf(userKey: UserKey): Promise<number>
}

export function deliveryStore(
  client: Dynamo,
  tableName: string,
  now: () => number,
  newId: NewId = randomId,
): DeliveryStore {
  const parse = rowParser('delivery', delivery)
  const table = versionedTable(client, tableName, { parse, key: ['webhookId', 'eventId'], now, newId })
  const keys = rowTable(
    client,
    tableName,
    rowParser('delivery key', z.object({ webhookId: z.string(), eventId: z.string() })),
  )
  const get: DeliveryStore['get'] = (webhookId, eventId) => table.get({ webhookId, eventId })
  return {
    get,
    async begin(told) {
      const expiresAt = Math.ceil((now() + deliveryDays * dayMs) / 1000)
      const begun = { ...told, status: 'pending', attempts: 0, nextAt: now(), expiresAt } as const
      return (await table.create(begun)) ?? (await get(told.webhookId, told.eventId))
    },
    change: (seen, changes) => table.change(seen, changes),
    list: (webhookId, limit, after) =>
      table.query({
        keyCondition: { expression: 'webhookId = :webhook', values: { ':webhook': webhookId } },
        limit,
        ...(after === undefined ? {} : { startKey: { webhookId, eventId: after } }),
      }),
    async removeOf(userKey) {
      const keyCondition = { expression: 'userKey = :user', values: { ':user': userKey } }
      let removed = 0
      let startKey: Page<unknown>['nextKey']
      do {
        const page = await keys.query({ index: 'user', keyCondition, ...(startKey && { startKey }) })
        for (const { webhookId, eventId } of page.rows) await keys.delete({ webhookId, eventId })
        removed += page.rows.length
        startKey = page.nextKey
      } while (startKey !== undefined)
      return removed
    },
  }
}

export const wants = ({ status, types }: Webhook, type: string): boolean =>
  status === 'active' && (types === undefined || types.includes(type) || type === testType)
