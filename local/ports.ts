import type { SimulatorId } from '../simulators/registry.ts'
import { simulated } from './simulated.ts'

/** The console's port; every other server's is this one plus its offset. */
export const defaultPort = 8787

const offsets = {
  gateway: 0,
  s3: 3,
  dynamodb: 4,
  sqs: 5,
  secrets: 6,
} as const

export type LocalServer = keyof typeof offsets | SimulatorId

/** Every server with its offset; a provider's simulator has its own in the provider's facts. */
const servers: readonly (readonly [LocalServer, number])[] = [
  ...(Object.entries(offsets) as [keyof typeof offsets, number][]),
  ...simulated.map(({ name, portOffset }) => [name, portOffset] as const),
]
const last = Math.max(...servers.map(([, offset]) => offset))

export interface Addresses {
  readonly ports: Readonly<Record<LocalServer, number>>
  url(server: LocalServer): string
}

/** The local stack's addresses for a base port; rejects what cannot be one. */
export function addresses(base: string | undefined): Addresses {
  const first = base === undefined || base === '' ? defaultPort : Number(base)
  if (!Number.isInteger(first) || first < 1 || first > 65_535 - last) {
    throw new RangeError(
      `DRIVEWAY_PORT must be a whole number from 1 to ${65_535 - last}, not ${String(base)}`,
    )
  }
  const ports = Object.fromEntries(servers.map(([name, offset]) => [name, first + offset])) as Record<
    LocalServer,
    number
  >
  return { ports, url: (server) => `http://127.0.0.1:${ports[server]}` }
}
