import { CloudConnectionError, ServiceError } from '../../../lib/errors.ts'
import type { Credentials, PasswordCredentials } from '../../../lib/grants/grant.ts'
import { parseJson, readText } from '../../../lib/net/provider-http.ts'
import { reachOf } from '../../../lib/net/reach.ts'
import type { Provider, ProviderDeps } from '../../../lib/providers/provider.ts'
import type { Driver, Space } from '../../../lib/storage/driver.ts'
import { about } from './about.ts'

type Server = Pick<ProviderDeps, 'send' | 'settings'>

async function call(server: Server, method: string, path: string, credentials: PasswordCredentials) {
  const { serverUrl, userName, password } = credentials
  const basic = Buffer.from(`${userName}:${password.reveal()}`).toString('base64')
  const headers = { authorization: `Basic ${basic}` }
  const timeouts = { connect: 2_000, answer: 5_000, idle: 5_000 }
  const reach = reachOf(server.settings)
  const { status, body } = await server.send({ method, url: `${serverUrl}${path}`, headers, reach, timeouts })
  const json = parseJson(await readText(body, 64 * 1024))
  if (status >= 500 || status === 404)
    throw new ServiceError('provider_unavailable', 'This is no Cloud Box, or it is down.', {
      retry: { retryable: status >= 500 },
      context: { providerStatus: status },
    })
  return { status, json }
}

/** What the health check asks for; this drive holds no documents. */
function driverOf(
  connectionId: string,
  credentials: Extract<Credentials, { kind: 'password' }>,
  server: Server,
): Driver {
  const usage: Space['usage'] = async () => {
    const used = await credentials.read()
    let answer = await call(server, 'GET', '/quota', used)
    if (answer.status === 401) answer = await call(server, 'GET', '/quota', await credentials.renew(used))
    if (answer.status !== 200) throw new CloudConnectionError(connectionId, 'grant_revoked')
    return answer.json as Awaited<ReturnType<Space['usage']>>
  }
  const check = async (): Promise<void> => {
    await usage()
  }
  return { check, space: { usage } } as unknown as Driver
}

export const provider: Provider<'password'> = {
  about,

  grant: (server) => ({
    kind: 'password',
    async identify(credentials) {
      const { status, json } = await call(server, 'GET', '/me', credentials)
      return status === 401 ? undefined : (json as { accountId: string; email: string })
    },
    async revoke(credentials) {
      await call(server, 'DELETE', '/password', credentials)
      return 'revoked'
    },
  }),

  opener:
    (server) =>
    ({ connectionId }, credentials) =>
      driverOf(connectionId, credentials, server),
}
