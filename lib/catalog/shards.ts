import { createHash } from 'node:crypto'
import type { ConnectionId } from '../ids.ts'
import type { ProviderId } from '../providers/registry.ts'

const shardsOfProvider = 16

const shardName = (provider: ProviderId, number: number): string => `${provider}#${String(number)}`

/** The parts of an index: no single one has to take all writes, and several can be read at once. */
export const shardsOf = (provider: ProviderId): readonly string[] =>
  Array.from({ length: shardsOfProvider }, (_, at) => shardName(provider, at))

/** The part that a connection is in. */
export function shardOf({
  provider,
  connectionId,
}: {
  readonly provider: ProviderId
  readonly connectionId: ConnectionId
}): string {
  const [first = 0] = createHash('sha256').update(connectionId).digest()
  return shardName(provider, first % shardsOfProvider)
}
