import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import * as z from 'zod/mini'

const CLIENT = { id: 'sync-tool', secret: 'sync-tool-secret', redirect: 'http://localhost:53682/' }

const ENDPOINTS = {
  google: {
    authorize: '/o/oauth2/v2/auth',
    token: '/token',
    scope: 'https://www.googleapis.com/auth/drive.file',
    query: { access_type: 'offline', prompt: 'consent' },
  },
  microsoft: {
    authorize: '/common/oauth2/v2.0/authorize',
    token: '/common/oauth2/v2.0/token',
    scope: 'Files.Read Files.ReadWrite Files.Read.All Files.ReadWrite.All Sites.Read.All offline_access',
    query: {},
  },
  dropbox: {
    authorize: '/oauth2/authorize',
    token: '/oauth2/token',
    scope:
      'files.metadata.write files.metadata.read files.content.write files.content.read sharing.write account_info.read',
    query: { token_access_type: 'offline' },
  },
} as const
export type Provider = keyof typeof ENDPOINTS

const tokens = z.object({ access_token: z.string(), refresh_token: z.string() })
const drive = z.object({ id: z.string(), driveType: z.string() })
const requests = z.array(
  z.object({ method: z.string(), path: z.string(), requestBytes: z.number(), responseBytes: z.number() }),
)
export type LoggedRequest = z.output<typeof requests>[number]

/** What a fault is armed with, as the control API takes it. */
export interface Fault {
  match: { method?: string; path?: string; fragment?: number }
  times: number
  action: {
    type: string
    status?: number
    reason?: string
    headers?: Record<string, string>
    afterBytes?: number
  }
}

/** A simulator in a process of its own. */
export interface Simulator {
  readonly provider: Provider
  readonly origin: string
  requests(): Promise<LoggedRequest[]>
  arm(faults: readonly Fault[]): Promise<void>
  /** the faults that nothing has met yet */
  armed(): Promise<number>
  close(): Promise<void>
}

/** One account as the tool knows it: the name of its remote and the section of the tool's configuration. */
export interface Cloud {
  readonly remote: string
  readonly simulator: Simulator
  readonly section: string
}

/** Starts `simulators/{provider}/main.ts` with its state below the directory. */
export async function startSimulator(provider: Provider, directory: string): Promise<Simulator> {
  const child = fork(new URL(`../${provider}/main.ts`, import.meta.url), {
    env: {
      ...process.env,
      PORT: '0',
      STATE_DIR: join(directory, `state-${provider}`),
      CLIENT_ID: CLIENT.id,
      CLIENT_SECRET: CLIENT.secret,
      REDIRECT_URIS: CLIENT.redirect,
    },
  })
  const exited = once(child, 'exit')
  const [ready] = await Promise.race([once(child, 'message'), exited.then(() => [undefined])])
  const origin = `http://127.0.0.1:${String(z.object({ port: z.number() }).parse(ready).port)}`
  const control = async (path: string, body?: Fault): Promise<unknown> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${origin}/_sim/${path}`, init)
    if (!response.ok) throw new Error(`/_sim/${path}: ${String(response.status)} ${await response.text()}`)
    return response.json()
  }
  return {
    provider,
    origin,
    requests: async () => requests.parse(await control('requests')),
    async arm(faults) {
      for (const fault of faults) await control('faults', fault)
    },
    armed: async () => z.array(z.unknown()).parse(await control('faults')).length,
    async close() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/**
 * Signs the account in through the consent form and writes the tool's configuration for it.
 * The access token in it is long expired, so that the tool's first act must be a refresh.
 */
export async function signIn(simulator: Simulator, remote: string, account: string): Promise<Cloud> {
  const { authorize, token, scope, query } = ENDPOINTS[simulator.provider]
  const asked = new URLSearchParams({
    client_id: CLIENT.id,
    redirect_uri: CLIENT.redirect,
    response_type: 'code',
    scope,
    ...query,
  })
  const consent = await fetch(`${simulator.origin}${authorize}?${asked.toString()}`, {
    method: 'POST',
    body: new URLSearchParams({ decision: 'approve', account }),
    redirect: 'manual',
  })
  const code = new URL(consent.headers.get('location') ?? 'about:blank').searchParams.get('code')
  if (code === null) throw new Error(`no code for ${account}: ${String(consent.status)}`)
  const answer = await fetch(simulator.origin + token, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      grant_type: 'authorization_code',
      code,
      redirect_uri: CLIENT.redirect,
    }),
  })
  const granted = tokens.parse(await answer.json())
  const stored = {
    access_token: 'expired',
    token_type: 'Bearer',
    refresh_token: granted.refresh_token,
    expiry: '2020-01-01T00:00:00Z',
  }
  const lines = [
    `[${remote}]`,
    `client_id = ${CLIENT.id}`,
    `client_secret = ${CLIENT.secret}`,
    `token = ${JSON.stringify(stored)}`,
    ...(await kindLines(simulator, granted.access_token)),
  ]
  return { remote, simulator, section: `${lines.join('\n')}\n` }
}

async function kindLines(simulator: Simulator, bearer: string): Promise<string[]> {
  switch (simulator.provider) {
    case 'google':
      return ['type = drive', 'scope = drive.file']
    case 'microsoft':
      return ['type = onedrive', ...(await driveLines(simulator, bearer))]
    case 'dropbox':
      return ['type = dropbox']
    default:
      return simulator.provider satisfies never
  }
}

async function driveLines(simulator: Simulator, bearer: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${bearer}` }
  const { id, driveType } = drive.parse(
    await (await fetch(`${simulator.origin}/v1.0/me/drive`, { headers })).json(),
  )
  return [`drive_id = ${id}`, `drive_type = ${driveType}`]
}
