import { afterEach, expect, test, vi } from 'vitest'
import type { ProviderAbout } from '../../../lib/providers/about.ts'
import { oauth2Of, oauthProviderIds, providers } from '../../../lib/providers/registry.ts'
import { secret } from '../../../lib/secret.ts'
import { probeClient } from '../../../infra/operate/probe-client.ts'
import { serve } from '../../support/serve.ts'

afterEach(() => vi.unstubAllEnvs())

test('the secret of a client goes to the token endpoint of its own provider, and to nobody else', async () => {
  const met: string[] = []
  for (const id of oauthProviderIds) {
    const about: ProviderAbout = providers[id]
    const origin = await serve((req, res) => {
      met.push(`${id} ${req.url ?? ''}`)
      res.statusCode = 400
      res.end('{"error":"invalid_grant"}')
    })
    vi.stubEnv(about.simulator?.endpointSetting ?? '', origin)
  }
  expect(oauthProviderIds.length).toBeGreaterThan(1)
  for (const id of oauthProviderIds) {
    const grant = oauth2Of(id)
    const outcome = await probeClient({
      grant,
      clientId: 'a-client',
      clientSecret: secret('canary-client-secret'),
      redirectUri: 'https://api.example.com/v1/oauth/callback',
    })
    expect(outcome).toBe('accepted')
    expect(met.splice(0)).toEqual([`${id} ${new URL(grant.tokenUrl(process.env)).pathname}`])
  }
})

test.each(['invalid_client', 'invalid_client: Invalid client_id or client_secret'])(
  '%s is a refused client',
  async (error) => {
    const origin = await serve((_req, res) => {
      res.statusCode = 400
      res.end(JSON.stringify({ error }))
    })
    for (const id of oauthProviderIds) {
      const about: ProviderAbout = providers[id]
      vi.stubEnv(about.simulator?.endpointSetting ?? '', origin)
      const client = { clientId: 'a-client', clientSecret: secret('wrong'), redirectUri: 'https://a.example' }
      expect(await probeClient({ grant: oauth2Of(id), ...client })).toBe('refused')
    }
  },
)
