import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTables } from '../../emulators/tables.ts'
import { tables } from '../../lib/contract/tables.ts'
import { selfSigned } from '../../simulators/test/microsoft/self-signed.ts'
import type { FrontOrder } from './front.ts'
import type { Drive } from './names.ts'
import { far, names, near, setDistance } from './names.ts'
import { consents } from '../../simulators/simulate.ts'
import type { Usage } from './measured.ts'
import { measured } from './measured.ts'

const client = { id: 'bench-client', secret: 'bench-secret', redirect: 'http://localhost/callback' }
const account = 'bench@outlook.com'

export interface Tokens {
  readonly access: string
  readonly refresh: string
}

/** The servers of both programs, each a process of its own, behind one front. */
export interface BenchWorld {
  readonly folder: string
  /** Our own servers through the front, as requests name them. */
  readonly hosts: { readonly s3: string; readonly dynamoDb: string }
  /** The addresses without TLS, for what prepares and looks. */
  readonly origins: Readonly<Record<'s3' | 'dynamoDb' | Drive, string>>
  /** Begins a drive again, with nothing in it, and signs in. */
  renew(drive: Drive): Promise<Tokens>
  files(drive: Drive): Promise<readonly { readonly name: string; readonly sha256: string }[]>
  /** What the front has been asked since the last call, by name and method. */
  requests(): Promise<Readonly<Record<string, number>>>
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<Usage>
  close(): void
}

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Starts them; `roundTripMs` is how far the drives are when they are far. */
export async function startBenchWorld(roundTripMs: number): Promise<BenchWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'driveway-bench-'))
  const running = new Set<ChildProcess>()
  const start = async (path: string, args: readonly string[], env: object): Promise<ChildProcess> => {
    const child = fork(source(path), args, { env: { ...process.env, ...env } })
    running.add(child)
    child.once('exit', () => running.delete(child))
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${path} did not start.`))),
    ])
    return child
  }
  const ports = {
    s3: await freePort(),
    dynamoDb: await freePort(),
    google: await freePort(),
    microsoft: await freePort(),
  }
  const origin = (port: number): string => `http://127.0.0.1:${String(port)}`
  const origins = {
    s3: origin(ports.s3),
    dynamoDb: origin(ports.dynamoDb),
    google: origin(ports.google),
    microsoft: origin(ports.microsoft),
  }
  await start('../../emulators/main.ts', [], {
    S3_PORT: ports.s3,
    DYNAMODB_PORT: ports.dynamoDb,
    SQS_PORT: 0,
    SECRETS_PORT: 0,
    STATE_DIR: join(folder, 'aws'),
  })
  await createTables(origins.dynamoDb, tables)
  const authority = join(folder, 'authority.pem')
  const { order, hosts } = await frontOrder(ports, authority)
  const front = await start('front.ts', [], { BENCH_FRONT: JSON.stringify(order) })
  await start('far.ts', [far, near, String(roundTripMs)], {})
  setDistance(false)

  const drives = new Map<Drive, ChildProcess>()
  return {
    folder,
    hosts,
    origins,
    async renew(drive) {
      const before = drives.get(drive)
      if (before) {
        before.kill('SIGTERM')
        await once(before, 'exit')
      }
      const state = join(folder, drive)
      rmSync(state, { recursive: true, force: true })
      mkdirSync(state)
      const env = {
        PORT: ports[drive],
        STATE_DIR: state,
        CLIENT_ID: client.id,
        CLIENT_SECRET: client.secret,
        REDIRECT_URIS: client.redirect,
      }
      drives.set(drive, await start(`../../simulators/${drive}/main.ts`, [], env))
      return await signIn(origins[drive], drive)
    },
    async files(drive) {
      return (await (await fetch(`${origins[drive]}/_sim/files`)).json()) as {
        name: string
        sha256: string
      }[]
    },
    async requests() {
      const answer = once(front, 'message')
      front.send('counts')
      return ((await answer) as [Record<string, number>])[0]
    },
    run: async (command, env = {}) =>
      await measured(command, {
        folder,
        env: { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority, ...env },
      }),
    close() {
      for (const child of running) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

type Ports = Readonly<Record<'s3' | 'dynamoDb' | Drive, number>>

/** What the front is told, and what our own servers are called behind it. Writes its certificate down. */
async function frontOrder(ports: Ports, authority: string) {
  const certificate = selfSigned([...Object.values(names).flat(), 'localhost'])
  writeFileSync(authority, certificate.cert)
  const [s3Port, dynamoPort] = [await freePort(), await freePort()]
  // The servers answer to this machine's own names alone.
  const hosts = { s3: `localhost:${String(s3Port)}`, dynamoDb: `localhost:${String(dynamoPort)}` }
  const drives = (['google', 'microsoft'] as const).flatMap((drive) =>
    names[drive].map((name) => [name, ports[drive]] as const),
  )
  const order: FrontOrder = {
    listens: [
      { host: near, port: 443 },
      { host: '127.0.0.1', port: s3Port },
      { host: '127.0.0.1', port: dynamoPort },
    ],
    certificate,
    ports: { ...Object.fromEntries(drives), [hosts.s3]: ports.s3, [hosts.dynamoDb]: ports.dynamoDb },
  }
  return { order, hosts }
}

async function signIn(origin: string, drive: Drive): Promise<Tokens> {
  const { authorize, token, scope, query } = consents[drive]
  const asked = new URLSearchParams({
    client_id: client.id,
    redirect_uri: client.redirect,
    response_type: 'code',
    scope,
    ...query,
  })
  const consent = await fetch(`${origin}${authorize}?${asked.toString()}`, {
    method: 'POST',
    body: new URLSearchParams({ decision: 'approve', account }),
    redirect: 'manual',
  })
  const code = new URL(consent.headers.get('location') ?? 'about:blank').searchParams.get('code') ?? ''
  const answer = await fetch(`${origin}${token}`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: client.id,
      client_secret: client.secret,
      redirect_uri: client.redirect,
      grant_type: 'authorization_code',
      code,
    }),
  })
  const { access_token, refresh_token } = (await answer.json()) as Record<string, string>
  return { access: access_token ?? '', refresh: refresh_token ?? '' }
}

/** rclone's remotes of this world: `s3:`, `google:` and `microsoft:`. Answers where it stands. */
export async function writeRcloneConfig(world: BenchWorld, drive: Drive, tokens: Tokens): Promise<string> {
  const token = JSON.stringify({
    access_token: tokens.access,
    token_type: 'Bearer',
    refresh_token: tokens.refresh,
    expiry: new Date(Date.now() + 3_000_000).toISOString(),
  })
  const common = { client_id: client.id, client_secret: client.secret, token }
  const remotes: Record<string, Record<string, string>> = {
    s3: {
      type: 's3',
      provider: 'Other',
      endpoint: `https://${world.hosts.s3}`,
      region: 'us-east-1',
      access_key_id: 'local',
      secret_access_key: 'local',
      force_path_style: 'true',
      list_version: '2',
    },
  }
  if (drive === 'google') remotes['google'] = { type: 'drive', scope: 'drive.file', ...common }
  else {
    const authorization = `Bearer ${tokens.access}`
    const me = await fetch(`${world.origins.microsoft}/v1.0/me/drive`, { headers: { authorization } })
    const { id, driveType } = (await me.json()) as Record<string, string>
    remotes['microsoft'] = { type: 'onedrive', drive_id: id ?? '', drive_type: driveType ?? '', ...common }
  }
  const text = Object.entries(remotes).map(
    ([name, fields]) =>
      `[${name}]\n${Object.entries(fields)
        .map(([field, value]) => `${field} = ${value}\n`)
        .join('')}`,
  )
  const path = join(world.folder, 'rclone.conf')
  writeFileSync(path, text.join(''))
  return path
}
