import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { OAuthProviderId } from '../lib/providers/registry.ts'
import { aboutOf, oauth2Of, oauthProviderIds } from '../lib/providers/registry.ts'
import type { Secret } from '../lib/secret.ts'
import { secret } from '../lib/secret.ts'
import type { Questions } from './operate/ask.ts'
import { questions } from './operate/ask.ts'
import type { Target } from './operate/command-line.ts'
import { readTarget } from './operate/command-line.ts'
import type { ProbeOutcome } from './operate/probe-client.ts'
import { probeClient } from './operate/probe-client.ts'

/**
 * `npm run setup -- --stage {stage}`: asks for the OAuth clients and puts them into Secrets Manager. A
 * client secret is typed without being shown, and never stands on a command line, in a file or in a log.
 */

const verdicts: Readonly<Record<ProbeOutcome, string>> = {
  accepted: 'The provider knows this client.',
  refused: 'The provider refuses this client: the id or the secret is wrong.',
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
  provider: OAuthProviderId,
  target: Target,
  asked: Questions,
  client: SecretsManagerClient,
): Promise<void> {
  const grant = oauth2Of(provider)
  const named = clientNamedFor(provider)
  const clientId =
    named?.clientId ?? (await asked.ask(`${grant.registrar} client id (empty to leave as it is): `))
  if (clientId === '') return
  if (!grant.clientId.pattern.test(clientId))
    console.log(`  This does not look like one: ${grant.clientId.looksLike}`)
  const clientSecret =
    named?.clientSecret ?? (await asked.askSecret(`${grant.registrar} client secret (not shown): `))
  const outcome = await probeClient({
    grant,
    clientId,
    clientSecret,
    redirectUri: target.outputs['RedirectUri'] ?? 'https://localhost/v1/oauth/callback',
  })
  console.log(`  ${verdicts[outcome]}`)
  if (outcome === 'refused' && grant.clientSecretHint !== undefined)
    console.log(`  ${grant.clientSecretHint}`)
  if (outcome === 'refused' && named !== undefined) throw new Error('nothing was stored for this provider')
  if (outcome === 'refused' && !/^y/i.test(await asked.ask('  Store it all the same? [y/N] '))) return
  await store(client, target, grant.clientSecretName, clientId, clientSecret)
  console.log(
    `  Stored as driveway/${target.stage}/${grant.clientSecretName}. Functions use it within five minutes.`,
  )
}

const variablesOf = (provider: OAuthProviderId) => aboutOf(provider).simulator?.clientSettings

/** The client that the environment names, for a pipeline, where nobody can be asked. */
function clientNamedFor(
  provider: OAuthProviderId,
): { readonly clientId: string; readonly clientSecret: Secret } | undefined {
  const { id = '', secret: itsSecret = '' } = variablesOf(provider) ?? {}
  const { [id]: clientId, [itsSecret]: clientSecret } = process.env
  return clientId && clientSecret ? { clientId, clientSecret: secret(clientSecret) } : undefined
}

const help = `
Asks for the OAuth client of each provider, or takes those that the environment names and asks nothing:
${oauthProviderIds.map((id) => `  ${Object.values(variablesOf(id) ?? {}).join(' and ')}`).join('\n')}`

async function main(): Promise<void> {
  const target = readTarget({ name: 'setup', help }, process.argv.slice(2), process.env)
  if (target === undefined) return
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
    const named = oauthProviderIds.filter((provider) => clientNamedFor(provider) !== undefined)
    for (const provider of named.length > 0 ? named : oauthProviderIds)
      await setUp(provider, target, asked, client)
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
