import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { functionEnvironment } from '../../../local/environment.ts'
import { addresses } from '../../../local/ports.ts'
import { simulated } from '../../../local/simulated.ts'
import { oauthProviderIds } from '../../../lib/providers/registry.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'

let stack: LocalStack
let folder: string
let environment: Record<string, string>
let secrets: SecretsManagerClient

beforeAll(async () => {
  stack = await startLocalStack()
  folder = mkdtempSync(join(tmpdir(), 'driveway-operate-'))
  environment = {
    ...functionEnvironment({
      addresses: addresses(String(stack.port)),
      simulated,
      awsEndpoint: undefined,
    }),
    MICROSOFT_TENANT_ID: 'common',
  }
  const outputs = { ApiUrl: stack.base, RedirectUri: `${stack.base}/v1/oauth/callback` }
  writeFileSync(join(folder, 'outputs.json'), JSON.stringify({ 'driveway-local': outputs }))
  secrets = new SecretsManagerClient({
    endpoint: stack.at(6),
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local-secret' },
  })
}, 60_000)

afterAll(async () => {
  await stack.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a command of `infra/` as an operator does; `typed` are the lines that are typed. */
async function run(
  command: 'setup' | 'doctor',
  typed: readonly string[] = [],
  more: {
    readonly env?: Readonly<Record<string, string>>
    readonly cwd?: string
    readonly args?: readonly string[]
  } = {},
): Promise<{ status: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, `../../../infra/${command}.ts`),
      ...(more.args ?? ['--stage', 'local', '--outputs', join(folder, 'outputs.json')]),
    ],
    {
      cwd: more.cwd ?? process.cwd(),
      env: { ...environment, ...more.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stdin.end(typed.map((line) => `${line}\n`).join(''))
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { status, output }
}

async function stored(name: string): Promise<unknown> {
  const { SecretString = '' } = await secrets.send(
    new GetSecretValueCommand({ SecretId: `driveway/local/${name}` }),
  )
  return JSON.parse(SecretString)
}

describe('doctor', () => {
  test('finds what is well, and tries the OAuth clients at the providers', async () => {
    const { output } = await run('doctor')
    for (const well of [
      'driveway-local-connections',
      'driveway-local-tokens',
      'driveway/local/seal-key',
      ...oauthProviderIds.map((id) => `${id}: the provider knows the client`),
      `${stack.base} answers`,
      'a caller without a token is refused',
    ]) {
      expect(output).toContain(`ok     ${well}`)
    }
  })

  test('names a client secret that the provider refuses, and how to mend it', async () => {
    const right = await stored('oauth/google')
    const put = (value: unknown) =>
      secrets.send(
        new PutSecretValueCommand({
          SecretId: 'driveway/local/oauth/google',
          SecretString: JSON.stringify(value),
        }),
      )
    await put({ ...(right as object), clientSecret: 'expired' })
    const { status, output } = await run('doctor')
    await put(right)
    expect(output).toMatch(
      /WRONG {2}google-drive: the provider refuses the client.*\n\s+make a new secret there, then npm run setup -- --stage local/,
    )
    expect(status).toBe(1)
    expect(output).not.toContain('expired"')
  })
})

describe('setup', () => {
  /** What is typed for the clients that stay as they are. */
  const others = oauthProviderIds.slice(1).map(() => '')

  test('stores a client that the provider knows, and shows its secret nowhere', async () => {
    const known = (await stored('oauth/google')) as { clientId: string; clientSecret: string }
    await secrets.send(
      new DeleteSecretCommand({ SecretId: 'driveway/local/oauth/google', ForceDeleteWithoutRecovery: true }),
    )
    const { status, output } = await run('setup', [known.clientId, known.clientSecret, ...others])
    expect(output).toContain(`${stack.base}/v1/oauth/callback`)
    expect(output).toContain('The provider knows this client.')
    expect(output).not.toContain(known.clientSecret)
    expect(status).toBe(0)
    expect(await stored('oauth/google')).toEqual(known)
  })

  test('stores a refused client only when told to', async () => {
    const before = await stored('oauth/google')
    const { output } = await run('setup', ['1-a.apps.googleusercontent.com', 'mistyped', 'n', ...others])
    expect(output).toContain('The provider refuses this client')
    expect(await stored('oauth/google')).toEqual(before)
  })

  test('takes the clients that the environment names, and asks nobody', async () => {
    const { clientId, clientSecret } = (await stored('oauth/google')) as Record<string, string>
    const env = { GOOGLE_CLIENT_ID: clientId ?? '', GOOGLE_CLIENT_SECRET: clientSecret ?? '' }
    const { status, output } = await run('setup', [], { env })
    expect([status, output.includes('Stored as driveway/local/oauth/google')]).toEqual([0, true])
    expect(output).not.toMatch(/client id|client secret/)
    expect(await stored('oauth/google')).toEqual({ clientId, clientSecret })
  })

  test('stores no client of the environment that the provider refuses', async () => {
    const before = await stored('oauth/google')
    const env = { GOOGLE_CLIENT_ID: '1-a.apps.googleusercontent.com', GOOGLE_CLIENT_SECRET: 'mistyped' }
    const { status, output } = await run('setup', [], { env })
    expect([status, output.includes('mistyped')]).toEqual([1, false])
    expect(await stored('oauth/google')).toEqual(before)
  })

  test('ends with a sentence when there is nobody to answer', async () => {
    const { status, output } = await run('setup')
    expect([status, output]).toEqual([
      1,
      expect.stringMatching(/setup: There is nobody to answer: .*--help\.\n$/),
    ])
  })
})

describe('setup and doctor', () => {
  test('look where the stage’s file says, whatever the shell does', async () => {
    const project = join(folder, 'project')
    mkdirSync(join(project, 'infra/stages'), { recursive: true })
    const tenant = '11111111-2222-3333-4444-555555555555'
    const chosen = { region: 'eu-west-1', microsoftTenantId: tenant }
    writeFileSync(join(project, 'infra/stages/local.json'), JSON.stringify(chosen))
    const { output } = await run('doctor', [], { cwd: project })
    expect(output).toMatch(/^driveway-local in eu-west-1\n/)
    const asked = JSON.stringify(await (await fetch(`${stack.at(2)}/_sim/requests`)).json())
    expect(asked).toContain(`/${tenant}/oauth2/v2.0/token`)
  })

  test('say what they take, and refuse what they do not', async () => {
    expect(await run('setup', [], { args: ['--help'] })).toMatchObject({
      status: 0,
      output: expect.stringMatching(/usage: npm run setup[^]*GOOGLE_CLIENT_ID/),
    })
    expect(await run('doctor', [], { args: ['-h'] })).toMatchObject({
      status: 0,
      output: expect.stringContaining('--test-alarm'),
    })
    expect((await run('setup', [], { args: ['--test-alarm'] })).output).toBe(
      'setup: --test-alarm is an option of doctor.\n',
    )
  })
})
