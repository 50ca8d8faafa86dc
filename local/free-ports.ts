import { once } from 'node:events'
import { createServer } from 'node:net'
import type { LocalSettings } from './environment.ts'
import type { Addresses, LocalServer } from './ports.ts'

type Behind = Pick<LocalSettings, 'simulated' | 'awsEndpoint'>

/** Which servers of the stack run here under these settings. */
export function serversHere({ simulated, awsEndpoint }: Behind): LocalServer[] {
  return [
    'gateway',
    ...simulated.map(({ name }) => name),
    ...(awsEndpoint === undefined ? (['s3', 'dynamodb', 'sqs', 'secrets'] as const) : []),
  ]
}

/** Rejects with one line that names the first port which is taken, and how to move. */
export async function requireFreePorts(addresses: Addresses, behind: Behind): Promise<void> {
  for (const name of serversHere(behind)) {
    const port = addresses.ports[name]
    const probe = createServer()
    try {
      probe.listen(port, '127.0.0.1')
      await once(probe, 'listening')
    } catch {
      throw new Error(
        `port ${port} (${name}) is taken; end what uses it, or set DRIVEWAY_PORT to move all ports`,
      )
    }
    probe.close()
    await once(probe, 'close')
  }
}
