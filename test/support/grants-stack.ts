import type { Dynamo } from '../../lib/aws/dynamo.ts'
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { authorizationStore } from '../../lib/catalog/authorizations.ts'
import { connectionStore } from '../../lib/catalog/connections.ts'
import { cellStore } from '../../lib/catalog/cells.ts'
import { accountSharing } from '../../lib/catalog/shared-accounts.ts'
import { grantStore } from '../../lib/catalog/grants.ts'
import { tokenStore } from '../../lib/catalog/tokens.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ProviderId } from '../../lib/providers/registry.ts'
import type { Grant } from '../../lib/grants/grant.ts'
import { ofKind } from '../../lib/grants/grant.ts'
import { createAccessTokens } from '../../lib/grants/tokens/access-tokens.ts'
import type { GrantHolder } from '../../lib/grants/grant-row.ts'
import { oldGrants } from '../../lib/grants/old-grants.ts'
import { createGrants } from '../../lib/grants/store.ts'
import { createSealer } from '../../lib/grants/seal.ts'
import { secretStore } from '../../lib/grants/secret-store.ts'
import { createVault } from '../../lib/grants/vault.ts'
import type { Timeouts } from '../../lib/net/http-client.ts'
import { googleGrant } from '../../lib/providers/google-drive/grant.ts'
import { microsoftGrant } from '../../lib/providers/onedrive/grant.ts'
import { dynamoAt } from './aws-caller.ts'

export const secretPrefix = 'driveway/test'

/**
 * Where the emulators and simulators of a test listen; plain data, so
 * that it can be handed to another process.
 */
export interface Endpoints {
  readonly dynamoDb: string
  readonly secrets: string
  readonly google: string
  readonly microsoft: string
}

export interface StackOptions {
  readonly clock: Clock
  readonly leaseMs?: number
  readonly waitMs?: number
  readonly recoveryDays?: number
  /** Called when a refresh is about to go to a provider. */
  readonly onRefresh?: () => void
  /** Awaited when a provider has answered a refresh and nothing of it is stored yet. */
  readonly onRefreshed?: () => Promise<void>
  /** Where the tokens table is, when not with the others. */
  readonly tokensEndpoint?: string
  /** Where the grants table is, when not with the others. */
  readonly grantsEndpoint?: string
  readonly timeouts?: Timeouts
  /** Stands around every call of AWS. */
  readonly onCall?: <Answer>(perform: () => Promise<Answer>) => Promise<Answer>
}

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }

export function secretsClient(endpoint: string): SecretsManagerClient {
  return new SecretsManagerClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 2 })
}

/** Writes a secret as an operator does, or as a version before this one did. */
export async function putSecret(endpoint: string, name: string, SecretString: string): Promise<void> {
  const client = secretsClient(endpoint)
  const Name = `${secretPrefix}/${name}`
  try {
    await client.send(new CreateSecretCommand({ Name, SecretString }))
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error
    await client.send(new PutSecretValueCommand({ SecretId: Name, SecretString }))
  } finally {
    client.destroy()
  }
}

/**
 * Everything about grants, wired as a deployment wires it; each call stands
 * for a process of its own, with nothing in memory.
 */
export function openStack(endpoints: Endpoints, options: StackOptions) {
  const { clock } = options
  const { onCall } = options
  const tables = dynamoAt(endpoints.dynamoDb)
  const dynamo: Dynamo =
    onCall === undefined ? tables : { send: (command) => onCall(() => tables.send(command)) }
  const aws = secretsClient(endpoints.secrets)
  if (onCall !== undefined)
    aws.middlewareStack.add((next) => (args) => onCall(() => next(args)), { step: 'initialize' })
  const now = (): number => clock.now()
  const connections = connectionStore(dynamo, 'connections', now)
  const authorizations = authorizationStore(dynamo, 'authorizations', now)
  const tokensClient = options.tokensEndpoint === undefined ? dynamo : dynamoAt(options.tokensEndpoint)
  const tokens = tokenStore(tokensClient, 'tokens')
  const secrets = secretStore({
    client: () => Promise.resolve(aws),
    prefix: secretPrefix,
    recoveryDays: options.recoveryDays ?? 0,
  })
  const vault = createVault(secrets, clock)
  const sealer = createSealer(vault.sealKeys)
  const grantsClient = options.grantsEndpoint === undefined ? dynamo : dynamoAt(options.grantsEndpoint)
  const grantRows = grantStore(grantsClient, 'grants', now)
  const cells = cellStore(dynamo, 'cells')
  const { sealKeys } = vault
  const readOld = oldGrants(secrets, tokens, sealer)
  const grants = createGrants({ rows: grantRows, secrets, sealKeys, readOld, clock })
  /** The connection's newest refresh token, and when it came. */
  const readGrant = async (holder: GrantHolder) => {
    const { held, row } = (await grants.read(holder)) ?? {}
    if (held === undefined || !('refreshToken' in held)) return undefined
    return { refreshToken: held.refreshToken, issuedAt: row?.hotIssuedAt ?? row?.issuedAt ?? 0 }
  }
  const providers = {
    'google-drive': googleGrant({
      client: (fresh) => vault.oauthClient('google-drive', fresh),
      clock,
      timeouts: options.timeouts,
      endpoint: endpoints.google,
    }),
    onedrive: microsoftGrant({
      client: (fresh) => vault.oauthClient('onedrive', fresh),
      clock,
      timeouts: options.timeouts,
      endpoint: endpoints.microsoft,
    }),
  }
  const openGrant = (provider: ProviderId): Promise<Grant> =>
    Promise.resolve(provider in providers ? providers[provider as keyof typeof providers] : { kind: 'none' })
  const accessTokens = createAccessTokens({
    connections,
    tokens,
    grants,
    sealer,
    clock,
    refresh: async (provider, refreshToken) => {
      options.onRefresh?.()
      const outcome = await ofKind(await openGrant(provider), 'oauth2').refresh(refreshToken)
      await options.onRefreshed?.()
      return outcome
    },
    leaseMs: options.leaseMs,
    waitMs: options.waitMs,
  })
  const close = (): void => {
    aws.destroy()
  }
  return {
    clock,
    connections,
    sharesAccount: accountSharing(dynamo, 'connections', connections),
    authorizations,
    tokens,
    secrets,
    vault,
    sealer,
    sealKeys,
    grantRows,
    cells,
    grants,
    readGrant,
    openGrant,
    accessTokens,
    close,
  }
}

export type Stack = ReturnType<typeof openStack>
