import type { DocumentRow, Leftover } from './document.ts'
import type { Condition } from './table.ts'

/** An attribute that is undefined is taken away. */
export type Changes = { readonly [Name in keyof DocumentRow]?: DocumentRow[Name] | undefined }

/** What a write tells the world, beside what its row says; the row's change stream carries it on. */
export interface RowEvent {
  readonly id: string
  readonly type: string
  readonly [more: string]: unknown
}

interface Update {
  readonly UpdateExpression: string
  readonly ConditionExpression: string
  readonly ExpressionAttributeNames: Record<string, string>
  readonly ExpressionAttributeValues: Record<string, unknown>
}

/**
 * Change, standing version and its revision are as in `row`, and no event has been written since: a write
 * that is repeated because its answer was lost does not begin again what has ended meanwhile.
 */
export function asSeen({ change, standing, seq }: DocumentRow): Condition {
  const parts = ['attribute_exists(documentId)']
  const values: Record<string, unknown> = { ':seenSeq': seq }
  parts.push(seq === 0 ? '(attribute_not_exists(#seq) OR #seq = :seenSeq)' : '#seq = :seenSeq')
  if (change) {
    parts.push('#change.#id = :seenChange AND #change.#fence = :seenFence')
    Object.assign(values, { ':seenChange': change.id, ':seenFence': change.fence })
  } else parts.push('attribute_not_exists(#change)')
  if (standing) {
    parts.push('#standing.#changeId = :seenStanding')
    values[':seenStanding'] = standing.changeId
    if (standing.revision === undefined) parts.push('attribute_not_exists(#standing.#revision)')
    else {
      parts.push('#standing.#revision = :seenRevision')
      values[':seenRevision'] = standing.revision
    }
  } else parts.push('attribute_not_exists(#standing)')
  return condition(parts.join(' AND '), values)
}

/**
 * As seen, and nothing has been begun since: its worker may have written of a session or a place under the
 * same fence, and whoever ends the change has to take that back.
 */
export function asRead(row: DocumentRow): Condition {
  const seen = asSeen(row)
  if (!row.change) return seen
  const { session, target, proof, damaged, source } = row.change
  const begun = {
    '#session.#sealedUrl': session?.sealedUrl,
    '#target.#objectKey': target?.objectKey,
    '#target.#file': target?.file,
    '#proof.#value': proof?.value,
    '#damaged': damaged,
    '#source.#etag': source?.etag,
  }
  const values: Record<string, unknown> = { ...seen.values }
  const parts = Object.entries(begun).map(([path, value], at) => {
    if (value === undefined) return `attribute_not_exists(#change.${path})`
    values[`:begun${String(at)}`] = value
    return `#change.${path} = :begun${String(at)}`
  })
  return condition([seen.expression, ...parts].join(' AND '), values)
}

/** The change of `row` is still that change, under that fence. */
export function mine({ change }: DocumentRow): Condition {
  return condition('#change.#id = :mine AND #change.#fence = :fence', {
    ':mine': change?.id,
    ':fence': change?.fence,
  })
}

/** `base`, and `remove` holds as many entries as in `row`. */
export function withSameLeftovers(base: Condition, row: DocumentRow): Condition {
  return condition(`${base.expression} AND size(#remove) = :leftovers`, {
    ...base.values,
    ':leftovers': Object.keys(row.remove ?? {}).length,
  })
}

/** As seen; and with an event, the row has told as many as in `row`. */
export function asTold(row: DocumentRow, event: RowEvent | undefined): Condition {
  const seen = asSeen(row)
  if (event === undefined) return seen
  const none = row.seq === 0 ? 'attribute_not_exists(seq) OR ' : ''
  return condition(`${seen.expression} AND (${none}seq = :seenSeq)`, { ...seen.values, ':seenSeq': row.seq })
}

const nameOf: Readonly<Record<string, string>> = {
  '#change': 'change',
  '#standing': 'standing',
  '#id': 'id',
  '#fence': 'fence',
  '#changeId': 'changeId',
  '#revision': 'revision',
  '#remove': 'remove',
  '#seq': 'seq',
  '#writeId': 'writeId',
  '#session': 'session',
  '#sealedUrl': 'sealedUrl',
  '#target': 'target',
  '#objectKey': 'objectKey',
  '#file': 'file',
  '#proof': 'proof',
  '#value': 'value',
  '#damaged': 'damaged',
  '#source': 'source',
  '#etag': 'etag',
}

/** DynamoDB refuses a name or value that no expression uses. */
export function condition(expression: string, values: Record<string, unknown>): Condition {
  const names = Object.fromEntries(
    Object.entries(nameOf).filter(([name]) => new RegExp(`${name}\\b`).test(expression)),
  )
  return { expression, names, values }
}

/**
 * One update: sets and removes attributes, adds and takes entries of `remove`, and either
 * sets the event or takes the last one away, so that an image with an event is an event.
 */
export function updateOf(
  row: DocumentRow,
  changes: Readonly<Record<string, unknown>>,
  when: Condition,
  {
    added = {},
    taken,
    event,
  }: {
    readonly added?: Record<string, Leftover>
    readonly taken?: string
    readonly event?: RowEvent | undefined
  },
): Update {
  const names: Record<string, string> = { ...when.names, '#e': 'event' }
  const values: Record<string, unknown> = { ...when.values }
  const set: string[] = []
  const remove: string[] = []
  let conditions = when.expression
  for (const [index, [name, value]] of Object.entries(changes).entries()) {
    names[`#n${String(index)}`] = name
    if (value === undefined) remove.push(`#n${String(index)}`)
    else {
      set.push(`#n${String(index)} = :v${String(index)}`)
      values[`:v${String(index)}`] = value
    }
  }
  if (event) {
    set.push('#e = :e', 'seq = :seq')
    Object.assign(values, { ':e': event, ':seq': row.seq + 1 })
  } else remove.push('#e')
  const entries = Object.entries(added)
  if (entries.length > 0 || taken !== undefined) names['#remove'] = 'remove'
  if (entries.length > 0 && row.remove === undefined) {
    set.push('#remove = :remove')
    values[':remove'] = added
    conditions += ' AND attribute_not_exists(#remove)'
  } else {
    for (const [index, [id, entry]] of entries.entries()) {
      names[`#r${String(index)}`] = id
      values[`:r${String(index)}`] = entry
      set.push(`#remove.#r${String(index)} = :r${String(index)}`)
    }
  }
  if (taken !== undefined) {
    names['#taken'] = taken
    remove.push('#remove.#taken')
  }
  return {
    UpdateExpression:
      `${set.length > 0 ? `SET ${set.join(', ')}` : ''}${remove.length > 0 ? ` REMOVE ${remove.join(', ')}` : ''}`.trim(),
    ConditionExpression: conditions,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  }
}
