import { tables } from '../../lib/contract/tables.ts'
import { eventFaults } from '../support/event-faults.ts'
import type { Item } from './expressions.ts'
import { textOf } from './expressions.ts'
import type { Told } from './aws.ts'
import type { Evidence, Ground } from './ground.ts'
import type { Ledger } from './ledger.ts'
import type { StreamRecord } from './tables.ts'

const at = (item: Item | undefined, ...path: string[]): unknown =>
  path.reduce<unknown>((value, name) => (value as Item | undefined)?.[name], item)

/** I7 and I9, and that nothing secret stands where it can be read: rows, buckets, queue, events, logs. */
export async function auditRows(ground: Ground, ledger: Ledger): Promise<void> {
  const evidence = await ground.evidence()
  const connections = await ground.rows('connections')
  for (const row of await ground.rows('documents')) endsWell(row, connections, ledger)
  for (const body of evidence.dead) ledger.find('I7', `a dead letter: ${body.slice(0, 120)}`)
  for (const body of evidence.waiting) ledger.find('I7', `a message is left: ${body.slice(0, 120)}`)
  for (const { key, tags } of await ground.objects('intake'))
    if (tags['driveway'] === undefined) ledger.find('I8', `${key} is left in the intake bucket`)
  eventsTell(evidence, ledger)
  const rows = await Promise.all(tables.map(({ name }) => ground.rows(name)))
  const secrets = /upload_id=|\/uploadSession\?|ya29\.a0|M\.C5_SIM|1\.AXSIM|sl\.u\./
  const places = {
    'a row': JSON.stringify(rows),
    'an event': JSON.stringify(evidence.told),
    'a log line': evidence.printed,
  }
  for (const [where, text] of Object.entries(places)) {
    const found = secrets.exec(text)
    if (found) ledger.find('secret', `${where} shows ${text.slice(found.index - 60, found.index + 40)}`)
  }
}

function endsWell(row: Item, connections: readonly Item[], ledger: Ledger): void {
  const name = `${textOf(row['userId'])}/${textOf(row['documentId'])}`
  const connection = connections.find((one) => one['connectionId'] === row['connectionId'])
  const state = at(row, 'change', 'state')
  if (state !== undefined && !(state === 'parked' && connection?.['status'] === 'requires_reauth'))
    ledger.find('I7', `${name} has a ${textOf(at(row, 'change', 'door'))} that is ${textOf(state)} for ever`)
  if (row['aside'] !== undefined) ledger.find('I7', `${name} has a change pushed aside for ever`)
  const left = Object.values((row['remove'] ?? {}) as Item)
  for (const entry of left)
    ledger.find('I7', `${name} never gets rid of ${JSON.stringify(entry).slice(0, 160)}`)
  if (row['open'] !== undefined && state === undefined && left.length === 0)
    ledger.find('I7', `${name} is open for ever as ${textOf(row['open'])}`)
  if (row['standing'] === undefined && state === undefined && row['last'] === undefined)
    ledger.find('I7', `${name} has an empty row`)
}

/** What the rows have gone through is what was told: each event once, and none that nothing made true. */
function eventsTell({ written, told }: Evidence, ledger: Ledger): void {
  for (const record of written) changesAreTold(record, ledger)
  const expected = expectedOf(written, (twice) => ledger.find('I9', twice))
  for (const type of untold(written, told)) ledger.find('I9', `${type} was never told`)
  for (const { type, detail } of told)
    if (type !== 'Intake Rejected' && expected.get(String(detail['eventId'])) !== type)
      ledger.find('I9', `${type} was told of what no row says`)
  for (const { type, detail } of told) for (const fault of eventFaults(type, detail)) ledger.find('I9', fault)
}

/** Types of the events that rows have carried and nobody has been told yet. */
export function untold(written: readonly StreamRecord[], told: readonly Told[]): string[] {
  const types = new Map(told.map(({ type, detail }) => [String(detail['eventId']), type]))
  return [...expectedOf(written)].filter(([id, type]) => types.get(id) !== type).map(([, type]) => type)
}

/** The events that writes carry, by id. */
function expectedOf(
  written: readonly StreamRecord[],
  onTwice: (finding: string) => void = () => undefined,
): Map<string, string> {
  const expected = new Map<string, string>()
  for (const { table, before, after } of written) {
    const [id, type] =
      after === undefined
        ? [
            at(before, 'change', 'door') === 'delete' ? at(before, 'change', 'id') : undefined,
            'Document Deleted',
          ]
        : [at(after, 'event', 'id'), at(after, 'event', 'type')]
    if (typeof id !== 'string') continue
    const name = `${table} ${textOf((after ?? before)?.['documentId'])}`
    if (expected.has(id)) onTwice(`${name}: the event ${textOf(type)} is in two writes`)
    expected.set(id, textOf(type))
  }
  return expected
}

/** The write that makes something true carries its event, and no other does. */
function changesAreTold({ table, before, after }: StreamRecord, ledger: Ledger): void {
  if (table !== 'documents' || after === undefined) return
  const name = `${textOf(after['userId'])}/${textOf(after['documentId'])}`
  const event = at(after, 'event', 'type')
  const standing = at(after, 'standing', 'changeId')
  const isStored = standing !== undefined && standing !== at(before, 'standing', 'changeId')
  if (isStored !== (event === 'Document Stored'))
    ledger.find('I9', `${name}: ${isStored ? 'a version is not told' : 'nothing was stored, but told'}`)
  const last = at(after, 'last', 'changeId')
  const isOver = last !== undefined && last !== at(before, 'last', 'changeId')
  // A hash that came late and is of other bytes fails what had been stored, unless they are sent again.
  const isDamaged =
    at(after, 'standing', 'verdict') === 'mismatch' &&
    at(before, 'standing', 'prove') !== undefined &&
    after['change'] === undefined
  const hasFailed = isDamaged || (isOver && at(after, 'last', 'outcome') === 'failed')
  if (hasFailed !== (event === 'Document Failed'))
    ledger.find('I9', `${name}: ${hasFailed ? 'a failure is not told' : 'nothing has failed, but told'}`)
  const isParked = at(after, 'change', 'state') === 'parked' && at(before, 'change', 'state') !== 'parked'
  if (event === 'Document Parked' && !isParked) ledger.find('I9', `${name}: parked twice`)
}
