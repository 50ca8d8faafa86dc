import { ServiceError } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import { parseConnectionId } from '../ids.ts'

/** A grant as it lies in a secret: whose it is in clear, and the rest sealed. Copied, never changed. */
export interface Item {
  readonly connectionId: ConnectionId
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** The sealing key that it takes, beside the key in the connection's row. */
  readonly keyId: string
  readonly nonce: Uint8Array
  /** Ciphertext and tag. */
  readonly body: Uint8Array
  /** All of it, as it is stored. */
  readonly bytes: Uint8Array
}

/** https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html */
export const maxCellBytes = 65_536
export const nonceBytes = 12

const magic = Buffer.from('DWC1')
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const timeBytes = 6
const lengthBytes = 2

/** Length; connection id; time; sealing key; nonce; ciphertext and tag. Numbers are big-endian. */
export function itemOf({ connectionId, issuedAt, keyId, nonce, body }: Omit<Item, 'bytes'>): Uint8Array {
  const time = Buffer.alloc(timeBytes)
  time.writeUIntBE(issuedAt, 0, timeBytes)
  const rest = Buffer.concat([idBytes(connectionId), time, text(keyId), nonce, body])
  if (rest.length + lengthBytes > maxCellBytes - magic.length) throw malformed('too long')
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt16BE(rest.length)
  return Buffer.concat([length, rest])
}

/** A secret's value: a mark of the format, then items. */
export function cellOf(items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([magic, ...items])
}

/** The bytes that `items` take as one cell. */
export function cellBytes(items: readonly Uint8Array[]): number {
  return items.reduce((sum, item) => sum + item.length, magic.length)
}

/** The items of a secret's value; `internal_error` when it is none of ours or cut short. */
export function itemsIn(cell: Uint8Array): readonly Item[] {
  if (!magic.equals(cell.subarray(0, magic.length))) throw malformed('not a cell')
  const items: Item[] = []
  for (let at = magic.length; at < cell.length;) {
    const item = itemAt(cell, at)
    items.push(item)
    at += item.bytes.length
  }
  return items
}

/** The item that begins at `at`. */
export function itemAt(cell: Uint8Array, at = 0): Item {
  const view = Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength)
  try {
    const end = at + lengthBytes + view.readUInt16BE(at)
    if (end > view.length) throw malformed('cut short')
    let next = at + lengthBytes
    const take = (length: number): Buffer => {
      if (next + length > end) throw malformed('cut short')
      return view.subarray(next, (next += length))
    }
    const idLength = take(1).readUInt8()
    const connectionId = parseConnectionId(idLength === 0 ? uuidOf(take(16)) : take(idLength).toString())
    if (connectionId === undefined) throw malformed('nobody’s')
    return {
      connectionId,
      issuedAt: take(timeBytes).readUIntBE(0, timeBytes),
      keyId: take(take(1).readUInt8()).toString(),
      nonce: take(nonceBytes),
      body: take(end - next),
      bytes: view.subarray(at, end),
    }
  } catch (error) {
    throw error instanceof RangeError ? malformed('cut short') : error
  }
}

/** Ids are UUIDs, which take 16 bytes behind a 0; any other text stands behind its length. */
function idBytes(connectionId: ConnectionId): Buffer {
  return uuid.test(connectionId)
    ? Buffer.concat([Buffer.of(0), Buffer.from(connectionId.replaceAll('-', ''), 'hex')])
    : text(connectionId)
}

function uuidOf(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

function malformed(how: string): ServiceError {
  return new ServiceError('internal_error', `A secret with grants is malformed: ${how}.`)
}
