import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { OAuthProviderId } from '../../lib/providers/registry.ts'
import { oauth2Of } from '../../lib/providers/registry.ts'
import { secret } from '../../lib/secret.ts'
import type { Check, Deployed } from './finding.ts'
import { fault, note, ok, unlessMissing } from './finding.ts'
import { probeClient } from './probe-client.ts'

async function readSecret(
  client: SecretsManagerClient,
  id: string,
): Promise<Record<string, unknown> | undefined> {
  const answer = await unlessMissing(
    client.send(new GetSecretValueCommand({ SecretId: id })),
    'ResourceNotFoundException',
    'InvalidRequestException',
  )
  if (answer === undefined) return undefined
  try {
    return JSON.parse(answer.SecretString ?? '') as Record<string, unknown>
  } catch {
    return {}
  }
}

/** The current sealing key is there and long enough. */
export function sealKeyCheck({ stage }: Deployed): Check {
  const client = new SecretsManagerClient({})
  return {
    name: 'sealing keys',
    async run() {
      const id = `driveway/${stage}/seal-key`
      const value = await readSecret(client, id)
      if (value === undefined) return [fault(`${id} is not there`, `npx cdk deploy -c stage=${stage}`)]
      const nested = value['keys']
      const keys = { ...value, ...(typeof nested === 'object' ? nested : {}) } as Record<string, unknown>
      const material = keys[String(value['current'])]
      return typeof material === 'string' && material.length >= 43
        ? [ok(id)]
        : [
            fault(
              `${id} names a current key that it does not hold, or one that is too short`,
              'infra/RUNBOOK.md, “Rotate the sealing key”',
            ),
          ]
    },
  }
}

/** The OAuth client of one provider, tried at the provider itself. */
export function clientCheck({ stage, outputs }: Deployed, provider: OAuthProviderId): Check {
  const client = new SecretsManagerClient({})
  const grant = oauth2Of(provider)
  const id = `driveway/${stage}/${grant.clientSecretName}`
  const again = `npm run setup -- --stage ${stage}`
  return {
    name: `OAuth client of ${grant.registrar}`,
    async run() {
      const value = await readSecret(client, id)
      if (value === undefined)
        return [note(`${provider} has no OAuth client: it answers 503 provider_not_configured`, again)]
      const { clientId, clientSecret } = value
      if (typeof clientId !== 'string' || typeof clientSecret !== 'string') {
        return [fault(`${id} is not {"clientId", "clientSecret"}`, again)]
      }
      const redirectUri = outputs['RedirectUri'] ?? 'https://localhost/v1/oauth/callback'
      const outcome = await probeClient({ grant, clientId, clientSecret: secret(clientSecret), redirectUri })
      switch (outcome) {
        case 'accepted':
          return [ok(`${provider}: the provider knows the client`)]
        case 'refused':
          return [
            fault(
              `${provider}: the provider refuses the client; its secret has expired or was deleted`,
              `make a new secret there, then ${again}`,
            ),
          ]
        case 'redirect_unknown':
          return [
            fault(`${provider}: the redirect URI is not registered`, `add ${redirectUri} at the provider`),
          ]
        case 'unclear':
        case 'unreachable':
          return [note(`${provider}: the client could not be tried`, 'look again later')]
      }
    },
  }
}
