import type { ProviderId } from '../../lib/providers/registry.ts'
import { appOf, connect } from './client.ts'
import { copy } from './expressions.ts'
import type { Beginning } from './deployment.ts'
import { openDeployment } from './deployment.ts'
import { copyOfRecords } from '../../simulators/kernel/memory-store.ts'
import { oauthClient } from './drives.ts'
import { loadFunctions } from './lambda.ts'
import { Network } from './network.ts'
import { calm } from './weather.ts'
import { World } from './world.ts'

/** One user's drive, connected when a world begins. */
export interface Place {
  readonly sub: string
  readonly provider: ProviderId
  readonly account: string
  readonly connectionId: string
}

export interface Everybody extends Beginning {
  readonly places: readonly Place[]
}

const accounts: readonly Omit<Place, 'connectionId'>[] = [
  { sub: 'alice', provider: 'google-drive', account: 'alice@gmail.com' },
  { sub: 'alice', provider: 'onedrive', account: 'alice@outlook.com' },
  { sub: 'alice', provider: 's3', account: '' },
  { sub: 'bob|7@example.org', provider: 'onedrive', account: 'bob@contoso.com' },
  { sub: 'bob|7@example.org', provider: 'google-drive', account: 'bob@gmail.com' },
  { sub: 'bob|7@example.org', provider: 's3', account: '' },
  { sub: 'alice', provider: 'dropbox', account: 'alice@example.com' },
]

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
  const places: Place[] = []
  for (const wanted of accounts) {
    let connectionId: string | undefined
    let isOver = false
    const ask = appOf(deployment, wanted.sub, `connect ${wanted.account}`)
    const connecting = connect(deployment, ask, wanted.provider, wanted.account)
      .then((id) => {
        connectionId = id
      })
      .finally(() => {
        isOver = true
      })
    await world.run(world.now + 60_000, () => isOver)
    await connecting
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
