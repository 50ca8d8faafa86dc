import { randomBytes } from 'node:crypto'
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { tables } from '../lib/contract/tables.ts'
import type { OAuthProviderId } from '../lib/providers/registry.ts'
import { aboutOf, oauth2Of, oauthProviderIds } from '../lib/providers/registry.ts'
import type { Secret } from '../lib/secret.ts'
import { secret } from '../lib/secret.ts'
import { createTables } from '../emulators/tables.ts'
import { localTableName, secretPrefix } from './environment.ts'
import { realClient } from './simulated.ts'

export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret: Secret
}

/** The OAuth client that the environment names for a provider, else the one that its simulator knows. */
export function oauthClient(provider: OAuthProviderId, env: NodeJS.ProcessEnv): OAuthClient {
  const { simulator } = aboutOf(provider)
  const name = simulator?.name ?? provider
  const { clientId, clientSecret } = realClient(simulator?.clientSettings, env) ?? {
    clientId: `driveway-local-${name}`,
    clientSecret: `driveway-local-${name}-secret`,
  }
  return { clientId, clientSecret: secret(clientSecret) }
}

async function ensureSecret(
  client: SecretsManagerClient,
  name: string,
  value: string,
  overwrite: boolean,
): Promise<void> {
  try {
    await client.send(new CreateSecretCommand({ Name: name, SecretString: value }))
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error
    if (overwrite) await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }))
  }
}

/**
 * Makes what a deployment's stack makes: tables, the seal key and
 * the OAuth clients' secrets. Repeating it changes nothing.
 */
export async function provision(env: NodeJS.ProcessEnv): Promise<void> {
  const endpoint = env['AWS_ENDPOINT_URL_DYNAMODB'] ?? env['AWS_ENDPOINT_URL'] ?? ''
  const credentials = {
    accessKeyId: process.env['AWS_ACCESS_KEY_ID'] ?? 'local',
    secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] ?? 'local',
  }
  const secrets = new SecretsManagerClient({})
  const ofClient = ({ clientId, clientSecret }: OAuthClient): string =>
    JSON.stringify({ clientId, clientSecret: clientSecret.reveal() })
  const sealKey = JSON.stringify({ current: 'k1', keys: { k1: randomBytes(32).toString('base64') } })
  await Promise.all([
    createTables(
      endpoint,
      tables.map((table) => ({ ...table, name: localTableName(table.name) })),
      credentials,
    ),
    ensureSecret(secrets, `${secretPrefix}/seal-key`, sealKey, false),
    ...oauthProviderIds.map((id) =>
      ensureSecret(
        secrets,
        `${secretPrefix}/${oauth2Of(id).clientSecretName}`,
        ofClient(oauthClient(id, env)),
        true,
      ),
    ),
  ])
}
