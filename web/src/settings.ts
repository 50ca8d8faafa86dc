import * as z from 'zod/mini'
import { providerIds } from '../../lib/providers/registry.ts'

// Compiled parsers would need a policy that allows eval.
z.config({ jitless: true })

const shape = z.object({
  /** The API's base URL, without `/v1`. */
  apiUrl: z.url(),
  /** The OIDC issuer that people sign in at. */
  issuer: z.url(),
  clientId: z.string(),
  scope: z._default(z.string(), 'openid'),
  /** What can be connected. */
  offeredProviders: z._default(z.array(z.enum(providerIds)), [...providerIds]),
  /** What some issuers want beside: `audience`, `resource`. */
  authorizeParameters: z._default(z.record(z.string(), z.string()), {}),
})
export type Settings = z.infer<typeof shape>

/**
 * Reads what this deployment says about itself, so that one build
 * serves all of them. Rejects when it says nothing that fits.
 */
export async function loadSettings(): Promise<Settings> {
  const answer = await fetch('/settings.json', { cache: 'no-store' })
  if (!answer.ok) throw new Error(`/settings.json answered ${answer.status}`)
  return shape.parse(await answer.json())
}
