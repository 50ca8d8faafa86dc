import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import { providerIds } from '../providers/registry.ts'
import type { Page } from './table.ts'
import { idFields, rowParser, rowTable } from './table.ts'
import type { TogetherWrite } from './table.ts'

/** A secret that holds many grants: written down here before it is made, and until it is gone. */
const row = z.object({
  /** The secret's name. */
  cell: z.string(),
  provider: z.enum(providerIds),
  /** `dying`: no row may be pointed at it any more. */
  state: z.enum(['open', 'dying']),
  /** Whose grants were written into it. */
  slots: z.readonly(z.array(idFields.connectionId)),
  /** The length of the secret's value. */
  bytes: z.int(),
  /** ISO time. */
  createdAt: z.string(),
})

export type CellRow = Readonly<z.output<typeof row>>

export interface CellStore {
  /** Writes an open cell down; its name is new. */
  create(cell: Omit<CellRow, 'state'>): Promise<void>
  /** From here on no row can be pointed at it; undefined when there is no such cell. */
  close(cell: string): Promise<CellRow | undefined>
  /** Takes `close` back: somebody is in there. */
  reopen(cell: string): Promise<void>
  /** Forgets a dying cell. */
  remove(cell: string): Promise<void>
  /** Strongly consistent. */
  get(cell: string): Promise<CellRow | undefined>
  /** Holds in a transaction as long as the cell is open. */
  isOpen(cell: string): TogetherWrite
  scan(startKey?: Page<CellRow>['nextKey']): Promise<Page<CellRow>>
}

/** The cells table. */
export function cellStore(client: Dynamo, tableName: string): CellStore {
  const table = rowTable(client, tableName, rowParser('cell', row))
  const names = { '#state': 'state' }
  return {
    create: async (cell) => {
      await table.put({ ...cell, state: 'open' })
    },
    close: (cell) =>
      table.update(
        { cell },
        { set: { state: 'dying' }, condition: { expression: 'attribute_exists(cell)' } },
      ),
    reopen: async (cell) => {
      await table.update(
        { cell },
        { set: { state: 'open' }, condition: { expression: 'attribute_exists(cell)' } },
      )
    },
    remove: async (cell) => {
      const values = { ':dying': 'dying' }
      await table.delete({ cell }, { expression: '#state = :dying', names, values })
    },
    get: (cell) => table.get({ cell }),
    isOpen: (cell) => ({
      ConditionCheck: {
        TableName: tableName,
        Key: { cell },
        ConditionExpression: '#state = :open',
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: { ':open': 'open' },
      },
    }),
    scan: (startKey) => table.scan(startKey),
  }
}
