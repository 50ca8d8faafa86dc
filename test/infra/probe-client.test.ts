import { afterEach, expect, test, vi } from 'vitest'
import type { OAuthProviderId } from '../../lib/providers/registry.ts'
import { secret } from '../../lib/secret.ts'
import { probeClient } from '../../infra/operate/probe-client.ts'
import { serve } from '../lib/net/server.ts'

afterEach(() => vi.unstubAllEnvs())

const client = {
  clientId: 'a-client',
  clientSecret: secret('canary-client-secret'),
  redirectUri: 'https://api.example.com/v1/oauth/callback',
  tenant: 'common',
}

test('the secret of a client goes to its own provider, and to nobody when the provider is not known', async () => {
  const met: string[] = []
  for (const name of ['GOOGLE_ENDPOINT', 'MICROSOFT_ENDPOINT']) {
    const origin = await serve((req, res) => {
      met.push(`${name} ${req.url ?? ''}`)
      res.statusCode = 400
      res.end('{"error":"invalid_grant"}')
    })
    vi.stubEnv(name, origin)
  }
  const unknown = 'dropbox' as OAuthProviderId
  await expect(probeClient({ ...client, provider: unknown })).rejects.toThrow(
    'No token endpoint is known for dropbox.',
  )
  expect(met).toEqual([])
  expect(await probeClient({ ...client, provider: 'google-drive' })).toBe('accepted')
  expect(await probeClient({ ...client, provider: 'onedrive' })).toBe('accepted')
  expect(met).toEqual(['GOOGLE_ENDPOINT /token', 'MICROSOFT_ENDPOINT /common/oauth2/v2.0/token'])
})
