import { randomBytes } from 'node:crypto'
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { tables } from '../lib/contract/tables.ts'
import type { Secret } from '../lib/secret.ts'
import { secret } from '../lib/secret.ts'
import { createTables } from '../emulators/tables.ts'
import { localTableName, secretPrefix } from './environment.ts'

export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret: Secret
  /** True when the provider is the simulator, which knows this client. */
  readonly simulated: boolean
}

function clientOf(id: string | undefined, clientSecret: string | undefined, name: string): OAuthClient {
  if (id !== undefined && id !== '' && clientSecret !== undefined && clientSecret !== '') {
    return { clientId: id, clientSecret: secret(clientSecret), simulated: false }
  }
  return {
    clientId: `driveway-local-${name}`,
    clientSecret: secret(`driveway-local-${name}-secret`),
    simulated: true,
  }
}

/** The OAuth clients that the environment names, else the simulators' own. */
export function oauthClients(env: NodeJS.ProcessEnv): {
  readonly google: OAuthClient
  readonly microsoft: OAuthClient
} {
  return {
    google: clientOf(env['GOOGLE_CLIENT_ID'], env['GOOGLE_CLIENT_SECRET'], 'google'),
    microsoft: clientOf(env['MICROSOFT_CLIENT_ID'], env['MICROSOFT_CLIENT_SECRET'], 'microsoft'),
  }
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

/** Makes what a deployment's stack makes: tables, the seal key and the OAuth clients' secrets. Repeating it changes nothing. */
export async function provision(clients: {
  readonly google: OAuthClient
  readonly microsoft: OAuthClient
}): Promise<void> {
  const endpoint = process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? process.env['AWS_ENDPOINT_URL'] ?? ''
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
    ensureSecret(secrets, `${secretPrefix}/oauth/google`, ofClient(clients.google), true),
    ensureSecret(secrets, `${secretPrefix}/oauth/microsoft`, ofClient(clients.microsoft), true),
  ])
}
