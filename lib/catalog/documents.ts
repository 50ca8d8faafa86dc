import type { Dynamo } from '../aws/dynamo.ts'
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '../aws/dynamo.ts'
import type { Change, DocumentRow, Leftover } from './document.ts'
import { documentRow, isDeleted, openOf } from './document.ts'
import type { DocumentKey, DocumentPages } from './document-pages.ts'
import { latePages } from './late-pages.ts'
import type { Changes, RowEvent } from './expressions.ts'
import { asRead, asSeen, asTold, mine, updateOf, withSameLeftovers } from './expressions.ts'
import type { NewId } from '../ids.ts'
import { firstWrite, read } from './old-document.ts'
import type { Condition } from './table.ts'
import { catalogError, rowParser } from './table.ts'

/** What else a write does: entries for `remove`, and the event that it makes true. */
export interface Also {
  readonly changes?: Changes
  readonly leftovers?: readonly Leftover[]
  readonly event?: RowEvent | undefined
}

/**
 * The documents: one row each, and three writes on a document's way. W1
 * claims it, W2 works on it, W3 settles it. Each is one conditional write of
 * one row, so no two rows can disagree and a late worker changes nothing.
 */
export interface DocumentStore extends DocumentPages {
  /** As it is now (a consistent read). */
  get(key: DocumentKey): Promise<DocumentRow | undefined>
  /**
   * W1: `change` becomes the row's change if the change, what it has begun, standing version and revision are
   * as in `seen` (undefined: no row). Undefined when they are not.
   */
  claim(
    key: DocumentKey,
    seen: DocumentRow | undefined,
    change: Change,
    also: Also,
  ): Promise<DocumentRow | undefined>
  /** W2: patches the change of `row` while it is that change under that fence; undefined when it is not. */
  work(row: DocumentRow, patch: ChangePatch, also?: Also): Promise<DocumentRow | undefined>
  /** W3: ends the change of `row`, under the same condition. One whose answer was lost counts as done. */
  settle(row: DocumentRow, also: Also): Promise<DocumentRow | undefined>
  /**
   * Removes a row whose change is a delete, under the same condition:
   * the removal itself is the event. Already gone is success.
   */
  drop(row: DocumentRow): Promise<boolean>
  /** Removes a row with all it says, if everything is as in `row`: nobody is told, and nothing is tidied. */
  forget(row: DocumentRow): Promise<boolean>
  /** Writes what was seen in the drive, if everything is as in `row`, with an event all it has told, too. */
  observe(row: DocumentRow, changes: Changes, event?: RowEvent): Promise<DocumentRow | undefined>
  /**
   * Takes one entry off `remove`, or none, and the row off the index where nothing is left to do; a deleted
   * document's row goes with the last entry.
   */
  tidied(row: DocumentRow, entry?: string): Promise<void>
}

/** A column set to undefined is taken away. */
export type ChangePatch = { readonly [Name in keyof Change]?: Change[Name] | undefined }

const parseRow = rowParser('document', documentRow)

/** A document as an item of its table says it. */
export const documentOf = (item: unknown): DocumentRow => parseRow(read(item))
const mostRounds = 5

/** The documents table; `newId` names entries of `remove`. */
export function documentStore(
  client: Dynamo,
  TableName: string,
  now: () => number,
  newId: NewId,
): DocumentStore {
  const iso = (): string => new Date(now()).toISOString()
  const get: DocumentStore['get'] = async ({ userKey, documentId }) => {
    const Key = { userKey, documentId }
    const { Item } = await client.send(new GetCommand({ TableName, Key, ConsistentRead: true })).catch(failed)
    return Item === undefined ? undefined : documentOf(Item)
  }

  /**
   * One conditional update; undefined when the condition did not hold,
   * unless `isOurs` knows the row as our own, whose answer was lost.
   */
  const update = async (
    row: DocumentRow,
    when: Condition,
    { changes = {}, leftovers = [], event, taken }: Also & { readonly taken?: string },
    isOurs: (standing: DocumentRow) => boolean,
  ): Promise<DocumentRow | undefined> => {
    const added = Object.fromEntries(leftovers.map((entry) => [newId().slice(0, 8), entry]))
    const remove = { ...row.remove, ...added }
    if (taken !== undefined) delete remove[taken]
    const open = openOf({ ...row, ...changes, remove } as DocumentRow)
    const first = row.old === undefined ? { changes, when } : firstWrite(row, changes)
    const indexed = open === undefined ? undefined : row.userKey
    const set = { ...first.changes, open, openOf: indexed, updatedAt: iso() }
    const Key = { userKey: row.userKey, documentId: row.documentId }
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName,
          Key,
          ReturnValues: 'ALL_NEW',
          ...updateOf(row, set, first.when, { added, event, ...(taken === undefined ? {} : { taken }) }),
        }),
      )
      return documentOf(Attributes)
    } catch (error) {
      if (!isRefused(error)) throw catalogError(error)
      // The SDK repeats what had no answer: a refused write may be our own.
      const standing = await get(row)
      return standing && isOurs(standing) ? standing : undefined
    }
  }

  return {
    get,
    async claim(key, seen, change, also) {
      const isOurs = ({ change: standing }: DocumentRow): boolean =>
        standing?.id === change.id && standing.owner === change.owner
      if (seen)
        return await update(
          seen,
          asRead(seen),
          { ...also, changes: { ...also.changes, change, changedAt: iso() } },
          isOurs,
        )
      const { event, changes } = also
      const row = { ...changes, ...key, change, remove: {}, seq: event ? 1 : 0 }
      const open = openOf(row as Pick<DocumentRow, 'change' | 'remove'>)
      const Item = defined({
        ...row,
        event,
        open,
        openOf: key.userKey,
        createdAt: iso(),
        updatedAt: iso(),
        changedAt: iso(),
      })
      try {
        await client.send(
          new PutCommand({ TableName, Item, ConditionExpression: 'attribute_not_exists(documentId)' }),
        )
        return documentOf(Item)
      } catch (error) {
        if (!isRefused(error)) throw catalogError(error)
        const standing = await get(key)
        return standing && isOurs(standing) ? standing : undefined
      }
    },
    async work(row, patch, also = {}) {
      const change = defined({ ...row.change, ...patch }) as Change
      // A write that takes the claim is known by its owner; any other can be repeated.
      const isOurs = ({ change: standing }: DocumentRow): boolean =>
        patch.owner !== undefined && standing?.id === change.id && standing.owner === patch.owner
      return await update(row, mine(row), { ...also, changes: { ...also.changes, change } }, isOurs)
    },
    settle: async (row, also) => await update(row, mine(row), also, endedAs(also.changes?.last)),
    drop: async (row) => (await removed(row, mine(row))) || (await get(row)) === undefined,
    forget: async (row) => await removed(row, row.old === undefined ? asRead(row) : firstWrite(row, {}).when),
    observe: (row, changes, event) => update(row, asTold(row, event), { changes, event }, () => false),
    async tidied(row, entry) {
      let seen: DocumentRow | undefined = row
      for (let round = 0; round < mostRounds; round += 1) {
        if (!seen || (entry !== undefined && seen.remove?.[entry] === undefined)) return
        const when = withSameLeftovers(asSeen(seen), seen)
        const isLast = Object.keys(seen.remove ?? {}).every((left) => left === entry)
        const taken = async (now: DocumentRow): Promise<boolean> =>
          (await update(now, when, entry === undefined ? {} : { taken: entry }, () => false)) !== undefined
        if (isDeleted(seen) && isLast ? await removed(seen, when) : await taken(seen)) return
        seen = await get(row)
      }
    },
    ...latePages(client, TableName, documentOf, get),
  }

  /** Removes the row, if the condition holds. */
  async function removed(row: DocumentRow, when: Condition): Promise<boolean> {
    try {
      await client.send(
        new DeleteCommand({
          TableName,
          Key: { userKey: row.userKey, documentId: row.documentId },
          ConditionExpression: when.expression,
          ExpressionAttributeNames: { ...when.names },
          ExpressionAttributeValues: { ...when.values },
        }),
      )
      return true
    } catch (error) {
      if (!isRefused(error)) throw catalogError(error)
      return false
    }
  }
}

/** Somebody else may have ended it in another way: then nothing of a write that was refused is true. */
const endedAs =
  (end: DocumentRow['last']) =>
  ({ last }: DocumentRow): boolean =>
    last !== undefined && last.changeId === end?.changeId && last.outcome === end.outcome

/** DynamoDB has no undefined. */
function defined(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined))
}

function failed(error: unknown): never {
  throw catalogError(error)
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConditionalCheckFailedException'
}
