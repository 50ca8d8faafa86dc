import { ServiceError } from '../../../lib/errors.ts'
import type { PasswordCredentials } from '../../../lib/grants/grant.ts'
import { parseJson, readText } from '../../../lib/net/provider-http.ts'
import type { Provider } from '../../../lib/providers/provider.ts'
import { about } from './about.ts'
import type { Server } from './driver.ts'
import { ask, cloudBoxDriver } from './driver.ts'

export const provider: Provider<'password'> = {
  about,

  grant: (server) => ({
    kind: 'password',
    async identify(credentials) {
      const { status, json } = await answerTo(server, 'GET', '/me', credentials)
      return status === 401 ? undefined : (json as { accountId: string; email: string })
    },
    async revoke(credentials) {
      await answerTo(server, 'DELETE', '/password', credentials)
      return 'revoked'
    },
  }),

  opener:
    ({ send, settings }) =>
    ({ connectionId }, credentials) =>
      cloudBoxDriver({ connectionId, credentials, send, settings }),
}

async function answerTo(server: Server, method: string, path: string, credentials: PasswordCredentials) {
  const { status, body } = await ask(server, credentials, { method, path })
  const json = parseJson(await readText(body, 64 * 1024))
  if (status >= 500 || status === 404)
    throw new ServiceError('provider_unavailable', 'This is no Cloud Box, or it is down.', {
      retry: { retryable: status >= 500 },
      context: { providerStatus: status },
    })
  return { status, json }
}
