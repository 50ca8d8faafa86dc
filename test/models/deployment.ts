import type { Dynamo } from '../../lib/aws/dynamo.ts'
import { cellStore } from '../../lib/catalog/cells.ts'
import { connectionStore } from '../../lib/catalog/connections.ts'
import type { Connection } from '../../lib/catalog/connections.ts'
import { grantStore } from '../../lib/catalog/grants.ts'
import { tokenStore } from '../../lib/catalog/tokens.ts'
import type { GrantDeps } from '../../lib/grants/connect.ts'
import { connectGrant } from '../../lib/grants/connect.ts'
import { oldGrants } from '../../lib/grants/old-grants.ts'
import { createSealer, sealKey } from '../../lib/grants/seal.ts'
import { secretStore } from '../../lib/grants/secret-store.ts'
import { createGrants } from '../../lib/grants/store.ts'
import { secret } from '../../lib/secret.ts'
import type { Secret } from '../worlds/aws.ts'
import { runSecrets } from '../worlds/aws.ts'
import type { Command } from '../worlds/tables.ts'
import { Tables } from '../worlds/tables.ts'
import type { Worker } from './gate.ts'

export const hour = 3_600_000

/** Tables and secrets of a replay's own, on a clock that it moves, and the real code for grants on them. */
export class Deployment {
  now = Date.parse('2026-11-27T00:00:00Z')
  readonly tables = new Tables(new Map(), () => undefined)
  readonly secrets = new Map<string, Secret>()
  readonly #keys = { current: 'k', keys: new Map([['k', sealKey(Buffer.alloc(32, 7).toString('base64'))]]) }

  /** Everything about grants, as a process has it that has just begun; without a worker nothing waits. */
  open(worker?: Pick<Worker, 'call'>) {
    const sending = (run: (command: Command) => unknown) => ({
      send: async (command: Command): Promise<unknown> => {
        const label = `${command.constructor.name.replace('Command', '')} ${command.input.TableName ?? ''}`
        const perform = () => Promise.resolve().then(() => run(command))
        return worker === undefined ? perform() : worker.call(label.trim(), perform)
      },
    })
    const clock = { now: () => this.now, sleep: () => Promise.resolve() }
    const dynamo = sending((command) => this.tables.run(command)) as unknown as Dynamo
    const aws = sending((command) => runSecrets(this.secrets, command))
    const sealKeys = () => Promise.resolve(this.#keys)
    const secrets = secretStore({ client: () => Promise.resolve(aws as never), prefix: '', recoveryDays: 0 })
    const grantRows = grantStore(dynamo, 'grants', clock.now)
    // What is due within the hours is due: the models have no hours.
    const soon = grantStore(dynamo, 'grants', () => this.now + 2 * hour)
    const tokens = tokenStore(dynamo, 'tokens')
    const sealer = createSealer(sealKeys)
    const readOld = oldGrants(secrets, tokens, sealer)
    return {
      connections: connectionStore(dynamo, 'connections', clock.now),
      grantRows,
      // What the packer has: no key.
      packer: {
        grantRows: { ...grantRows, due: soon.due },
        cells: cellStore(dynamo, 'cells'),
        secrets,
        clock,
      },
      grants: createGrants({ rows: grantRows, secrets, sealKeys, clock, readOld }),
      secrets,
      sealKeys,
      tokens,
      sealer,
      accessTokens: { forget: () => undefined },
      clock,
    }
  }
}

/** A user's consent for `connection`, from the exchanged code on. */
export async function giveConsent(
  stack: GrantDeps & Pick<ReturnType<Deployment['open']>, 'connections'>,
  connection: Connection,
  token: string,
): Promise<void> {
  const { connectionId } = connection
  const tokens = { accessToken: secret(`access-${token}`), expiresInSeconds: 60, scopes: [] }
  const grant = { kind: 'oauth2', tokens: { ...tokens, refreshToken: secret(token) } } as const
  await connectGrant(stack, connection, grant, (along) =>
    stack.connections.change(connection, connectionId, () => ({ status: 'active' }), along),
  )
}
