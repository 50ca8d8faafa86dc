import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { CloudProvider } from '../lib/contract/providers.ts'
import type { Secret } from '../lib/secret.ts'
import type { Questions } from './operate/ask.ts'
import { questions } from './operate/ask.ts'
import type { Target } from './operate/command-line.ts'
import { readTarget } from './operate/command-line.ts'
import type { ProbeOutcome } from './operate/probe-client.ts'
import { probeClient } from './operate/probe-client.ts'

/**
 * `npm run setup -- --stage {stage}`: asks for the OAuth clients and puts them into Secrets Manager. A client secret is typed
 * without being shown, and never stands on a command line, in a file or in a log.
 */

interface ProviderSetup {
  readonly provider: CloudProvider
  readonly label: string
  readonly secretName: string
  readonly clientId: RegExp
  readonly looksLike: string
}

const setups: readonly ProviderSetup[] = [
  {
    provider: 'google-drive',
    label: 'Google',
    secretName: 'oauth/google',
    clientId: /^[\w-]+\.apps\.googleusercontent\.com$/,
    looksLike: '1234-abcd.apps.googleusercontent.com',
  },
  {
    provider: 'onedrive',
    label: 'Microsoft',
    secretName: 'oauth/microsoft',
    clientId: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    looksLike: '11111111-2222-3333-4444-555555555555 (Application (client) ID)',
  },
]

const verdicts: Readonly<Record<ProbeOutcome, string>> = {
  accepted: 'The provider knows this client.',
  refused:
    'The provider refuses this client: the id or the secret is wrong. At Microsoft take the secret’s Value, not its ID.',
  redirect_unknown: 'The provider knows this client, but not the redirect URI above. Add it there.',
  unreachable: 'The provider could not be reached, so the client was not tried.',
  unclear: 'The provider’s answer says nothing about the client, so it was not tried.',
}

async function store(
  client: SecretsManagerClient,
  target: Target,
  name: string,
  clientId: string,
  clientSecret: Secret,
): Promise<void> {
  const id = `driveway/${target.stage}/${name}`
  const value = JSON.stringify({ clientId, clientSecret: clientSecret.reveal() })
  try {
    await client.send(new PutSecretValueCommand({ SecretId: id, SecretString: value }))
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error
    await client.send(
      new CreateSecretCommand({
        Name: id,
        Description: 'OAuth client of this deployment.',
        SecretString: value,
        KmsKeyId: `alias/driveway-${target.stage}`,
      }),
    )
  }
}

async function setUp(
  setup: ProviderSetup,
  target: Target,
  asked: Questions,
  client: SecretsManagerClient,
): Promise<void> {
  const clientId = await asked.ask(`${setup.label} client id (empty to leave as it is): `)
  if (clientId === '') return
  if (!setup.clientId.test(clientId)) console.log(`  This does not look like one: ${setup.looksLike}`)
  const clientSecret = await asked.askSecret(`${setup.label} client secret (not shown): `)
  const outcome = await probeClient({
    provider: setup.provider,
    clientId,
    clientSecret,
    redirectUri: target.outputs['RedirectUri'] ?? 'https://localhost/v1/oauth/callback',
    tenant: process.env['MICROSOFT_TENANT_ID'] ?? 'common',
  })
  console.log(`  ${verdicts[outcome]}`)
  if (outcome === 'refused' && !/^y/i.test(await asked.ask('  Store it all the same? [y/N] '))) return
  await store(client, target, setup.secretName, clientId, clientSecret)
  console.log(
    `  Stored as driveway/${target.stage}/${setup.secretName}. Functions use it within five minutes.`,
  )
}

async function main(): Promise<void> {
  const target = readTarget(process.argv.slice(2))
  const redirectUri = target.outputs['RedirectUri']
  console.log(
    redirectUri === undefined
      ? 'The redirect URI is the output RedirectUri of the stack (npx cdk deploy --outputs-file dist/outputs-' +
          target.stage +
          '.json).'
      : `The redirect URI to enter at the providers: ${redirectUri}`,
  )
  const asked = questions(process.stdin, process.stdout)
  const client = new SecretsManagerClient({})
  try {
    for (const setup of setups) await setUp(setup, target, asked, client)
  } finally {
    asked.close()
  }
}

try {
  await main()
} catch (error) {
  console.error(`setup: ${error instanceof Error ? error.message : 'failed'}`)
  process.exitCode = 1
}
