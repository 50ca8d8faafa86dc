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
  /**
   * Rows are pointed at it only while it is `filling`, by whoever has made it; so once nobody points at one
   * that is `open` or `dying`, nobody ever will. All that lies in an `open` one has moved there.
   */
  state: z.enum(['filling', 'open', 'dying']),
  /** Whose grants were written into it. */
  slots: z.readonly(z.array(idFields.connectionId)),
  /** The length of the secret's value. */
  bytes: z.int(),
  /** ISO time. */
  createdAt: z.string(),
})

export type CellRow = Readonly<z.output<typeof row>>

export interface CellStore {
  /** Writes a cell down that is about to be made and filled; its name is new. */
  create(cell: Omit<CellRow, 'state'>): Promise<void>
  /**
   * Points rows at a cell that is being filled, all or none. The positions of the rows that have changed
   * meanwhile, empty when all is written; undefined when the cell is not filling any more.
   */
  fill(cell: string, writes: readonly TogetherWrite[]): Promise<readonly number[] | undefined>
  /** From here on no row can be pointed at it. Undefined without such a cell, and to open one not filling. */
  mark(cell: string, state: 'open' | 'dying'): Promise<CellRow | undefined>
  /** Forgets a cell that is not filling. */
  remove(cell: string): Promise<void>
  scan(startKey?: Page<CellRow>['nextKey']): Promise<Page<CellRow>>
}

/** The cells table. */
export function cellStore(client: Dynamo, tableName: string): CellStore {
  const table = rowTable(client, tableName, rowParser('cell', row))
  const names = { '#state': 'state' }
  const values = { ':filling': 'filling' }
  const filling = { expression: '#state = :filling', names, values }
  const isFilling = (cell: string): TogetherWrite => ({
    ConditionCheck: {
      TableName: tableName,
      Key: { cell },
      ConditionExpression: filling.expression,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    },
  })
  return {
    create: async (cell) => {
      await table.put({ ...cell, state: 'filling' })
    },
    async fill(cell, writes) {
      const { writeTogether } = await import('./together.ts')
      const refused = await writeTogether(client, [isFilling(cell), ...writes])
      return refused.includes(0) ? undefined : refused.map((position) => position - 1)
    },
    mark: (cell, state) => {
      const condition = state === 'open' ? filling : { expression: 'attribute_exists(cell)' }
      return table.update({ cell }, { set: { state }, condition })
    },
    remove: async (cell) => {
      await table.delete({ cell }, { expression: '#state <> :filling', names, values })
    },
    scan: (startKey) => table.scan(startKey),
  }
}
