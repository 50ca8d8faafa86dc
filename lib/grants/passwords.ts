import type { Connection } from '../catalog/connections.ts'
import { CloudConnectionError } from '../errors.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { Credentials, Grant, PasswordCredentials } from './grant.ts'
import { ofKind } from './grant.ts'
import type { ReauthDeps } from './requires-reauth.ts'
import { refusalOf, requireReauth, tryAgain } from './requires-reauth.ts'
import type { Grants } from './store.ts'

export interface PasswordDeps extends ReauthDeps {
  readonly grants: Pick<Grants, 'read'>
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
}

/** The app password of a connection, as its driver uses it. Makes no call by itself. */
export function passwordSource(
  deps: PasswordDeps,
  connection: Connection,
): Extract<Credentials, { kind: 'password' }> {
  const { connectionId, provider } = connection
  const stored = async (): Promise<PasswordCredentials | undefined> => {
    const held = (await deps.grants.read(connection))?.held
    return held !== undefined && 'password' in held ? held.password : undefined
  }
  const dead = async (used: PasswordCredentials | undefined): Promise<never> => {
    const unchanged = async (): Promise<boolean> => {
      const newest = await stored()
      return newest === undefined || (used !== undefined && isSame(newest, used))
    }
    if (!(await requireReauth(deps, connection, 'grant_revoked', unchanged)))
      throw tryAgain('The connection is being reconnected. Try again.')
    throw new CloudConnectionError(connectionId, 'grant_revoked')
  }
  return {
    kind: 'password',
    async read() {
      const refusal = refusalOf(connection)
      if (refusal !== undefined) throw refusal
      return (await stored()) ?? dead(undefined)
    },
    async renew(refused) {
      const newest = await stored()
      if (newest === undefined || !isSame(newest, refused)) return newest ?? dead(undefined)
      // One refusal may be a proxy's: the password is dead when the server does not know its account either.
      const account = await ofKind(await deps.openGrant(provider), 'password').identify(newest)
      return account === undefined ? dead(newest) : newest
    },
  }
}

function isSame(one: PasswordCredentials, other: PasswordCredentials): boolean {
  return (
    one.serverUrl === other.serverUrl &&
    one.userName === other.userName &&
    one.password.equals(other.password)
  )
}
