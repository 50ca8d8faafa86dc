import { connect } from './client.ts'
import { copy } from './expressions.ts'
import type { Beginning } from './deployment.ts'
import { openDeployment } from './deployment.ts'
import { copyOfRecords } from '../../simulators/kernel/memory-store.ts'
import { oauthClient } from './drives.ts'
import { inMemory } from './in-memory.ts'
import { loadFunctions } from './lambda.ts'
import { Network } from './network.ts'
import type { Place } from './places.ts'
import { accounts } from './places.ts'
import { calm } from './weather.ts'
import { World } from './world.ts'

export interface Everybody extends Beginning {
  readonly places: readonly Place[]
}

const secrets = new Map(
  Object.entries({
    'seal-key': {
      current: 'k1',
      keys: { k1: 'the sealing key of all worlds, which is long enough to be one' },
    },
    'oauth/google': oauthClient,
    'oauth/microsoft': oauthClient,
    'oauth/dropbox': oauthClient,
  }).map(([name, value]) => [`driveway/worlds/${name}`, { value: JSON.stringify(value) }]),
)

/** Connects everybody once, through the real doors; every world begins with a copy of what is there then. */
export async function begin(): Promise<Everybody> {
  await loadFunctions()
  const world = new World(0)
  const network = new Network(world, calm)
  const nothing = { google: new Map(), microsoft: new Map(), dropbox: new Map() }
  const deployment = await openDeployment(network, { rows: new Map(), secrets, clouds: nothing })
  const ground = inMemory(network, deployment)
  const places: Place[] = []
  for (const wanted of accounts) {
    const ask = ground.appOf(wanted.sub, `connect ${wanted.account}`)
    const connectionId = await ground.wait(connect(ground, ask, wanted.provider, wanted.account))
    if (connectionId === undefined) throw new Error(`${wanted.account} could not be connected.`)
    places.push({ ...wanted, connectionId })
  }
  await world.run(world.now + 60_000)
  const status = new Map(
    deployment.aws.tables.all('connections').map((row) => [row['connectionId'], row['status']]),
  )
  const idle = places.find(({ connectionId }) => status.get(connectionId) !== 'active')
  if (idle) throw new Error(`${idle.account} is ${String(status.get(idle.connectionId))}.`)
  const { google, microsoft, dropbox } = deployment.clouds.records
  return {
    places,
    rows: new Map(
      [...deployment.aws.tables.rows].map(([name, table]) => [
        name,
        new Map([...table].map(([key, row]) => [key, copy(row)])),
      ]),
    ),
    secrets: deployment.aws.secrets,
    clouds: {
      google: copyOfRecords(google),
      microsoft: copyOfRecords(microsoft),
      dropbox: copyOfRecords(dropbox),
    },
  }
}
