import { once } from 'node:events'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { bucketCors } from '../lib/contract/cors.ts'
import type { FunctionName } from '../lib/contract/routes.ts'
import { routeList } from '../lib/contract/routes.ts'
import type { OAuthProviderId, ProviderId } from '../lib/providers/registry.ts'
import { aboutOf, usesOAuth } from '../lib/providers/registry.ts'
import { refusalOf, refuse } from '../emulators/http-server.ts'
import type { Child } from './children.ts'
import { startChild } from './children.ts'
import { startConsoleBuild } from './console-build.ts'
import { consoleOf } from './console.ts'
import { ensureDemoConnection } from './demo-connection.ts'
import { functionEnvironment, offeredProviders } from './environment.ts'
import { gateway } from './gateway/gateway.ts'
import { inProcessInvoker, installStreamingGlobal } from './gateway/invoker.ts'
import { openIdentityProvider } from './identity-provider.ts'
import { consoleClientId } from './identity-sign-in.ts'
import { handlers } from './handlers.ts'
import { localRoutes } from './local-routes.ts'
import { requireFreePorts } from './free-ports.ts'
import { guardPages } from './pages.ts'
import type { Addresses } from './ports.ts'
import { addresses as addressesFrom } from './ports.ts'
import { oauthClient, provision } from './provision.ts'
import { isScheduled, scheduledTimeoutMs } from './scheduled.ts'
import type { Simulated } from './simulated.ts'
import { simulatedUnder } from './simulated.ts'
import { openStateFolder, statePath, watchDisk } from './state-folder.ts'

/** `npm start`: the whole system on one machine. See docs/local-stack.md. */

const httpTimeoutMs = 29_000
const streamTimeoutMs = 15 * 60_000
const demoUser = 'alice'
const demoAccount = 'alice@example.com'

const children: Child[] = []
let ending = false

async function end(status: number): Promise<never> {
  ending = true
  // The last first: the worker's calls end while what they call is still there.
  for (const child of children.toReversed()) await child.stop().catch(() => undefined)
  process.exit(status)
}

function fail(line: string): Promise<never> {
  process.stderr.write(`${line}\n`)
  return end(1)
}

function timeoutMsOf(name: FunctionName): number {
  if (isScheduled(name)) return scheduledTimeoutMs
  const streams = routeList.some((route) => route.functionName === name && route.streaming === true)
  return streams ? streamTimeoutMs : httpTimeoutMs
}

async function start(addresses: Addresses): Promise<void> {
  const stateDir = openStateFolder(statePath(process.env), addresses.url('gateway')).path
  watchDisk(stateDir, (line) => process.stderr.write(`driveway: ${line}\n`))
  const simulated = simulatedUnder(process.env)
  const awsEndpoint = process.env['AWS_ENDPOINT_URL']
  const settings = { addresses, awsEndpoint, simulated }
  await requireFreePorts(addresses, settings)
  Object.assign(process.env, functionEnvironment(settings))

  const identity = await openIdentityProvider(`${addresses.url('gateway')}/local`, stateDir)
  installStreamingGlobal()
  const invoker = inProcessInvoker(handlers, timeoutMsOf)
  const corsOrigins = (process.env['CORS_ORIGINS'] ?? '').split(',')
  const mayCall = guardPages(corsOrigins, (line) => process.stderr.write(`${line}\n`))
  const answerApi = gateway({ invoker, mayCall })
  const consoleBuild = Promise.withResolvers<void>()
  const own = addresses.url('gateway')
  const answerLocal = localRoutes({
    identity,
    addresses,
    mayCall,
    behind: settings,
    invoker,
    console: consoleOf({
      built: consoleBuild.promise,
      settings: consoleSettings(own, identity.issuer),
      connectTo: [own, awsEndpoint ?? addresses.url('s3')],
    }),
  })
  const server = createServer((req, res) => {
    const refusal = refusalOf(req)
    if (refusal !== undefined) return refuse(res, refusal)
    const url = new URL(req.url ?? '/', addresses.url('gateway'))
    const answer = url.pathname.startsWith('/v1/') ? answerApi(req, res, url) : answerLocal(req, res, url)
    answer.catch(() => res.destroy())
  })
  server.listen(addresses.ports.gateway, '127.0.0.1')
  await once(server, 'listening')

  const onExit = (name: string, code: number | null): void => {
    if (!ending) void fail(`driveway: ${name} ended unexpectedly with status ${String(code)}`)
  }
  const child = async (name: string, file: string, env: Record<string, string>): Promise<void> => {
    children.push(await startChild(name, new URL(file, import.meta.url), env, onExit))
  }
  const simulator = ({ name, provider }: Simulated): Promise<void> =>
    child(`the ${name} simulator`, `../simulators/${name}/main.ts`, {
      PORT: String(addresses.ports[name]),
      STATE_DIR: resolve(stateDir, name),
      ...(usesOAuth(provider) ? clientEnvironment(provider, `${own}/v1/oauth/callback`) : {}),
    })
  const emulators = (): Promise<void> =>
    child('the AWS emulators', '../emulators/main.ts', {
      BUCKET_CORS: JSON.stringify(bucketCors(corsOrigins)),
      S3_PORT: String(addresses.ports.s3),
      DYNAMODB_PORT: String(addresses.ports.dynamodb),
      SQS_PORT: String(addresses.ports.sqs),
      SECRETS_PORT: String(addresses.ports.secrets),
      STATE_DIR: resolve(stateDir, 'aws'),
    })
  await Promise.all([...(awsEndpoint === undefined ? [emulators()] : []), ...simulated.map(simulator)])
  await provision(process.env)
  await child('the worker', './worker.ts', { STATE_DIR: resolve(stateDir, 'worker') })

  const token = await identity.mint(demoUser)
  const build = startConsoleBuild()
  children.push(build)
  consoleBuild.resolve(build.done)
  const demo = simulated.find(({ provider }) => usesOAuth(provider))
  const demoLines = demo === undefined ? '' : await demoOf(own, token, demo.provider)
  // The API works without the console, and whoever opens it is told what went wrong.
  await build.done.catch(() => undefined)
  process.stdout.write(`ready: console and API at ${own}\n${demoLines}`)
}

/** What the console is told of this deployment. */
const consoleSettings = (apiUrl: string, issuer: string) => ({
  apiUrl,
  issuer,
  clientId: consoleClientId,
  scope: 'openid',
  offeredProviders: offeredProviders(),
})

/** The simulator's settings for the OAuth client that the functions present. */
function clientEnvironment(provider: OAuthProviderId, redirectUri: string): Record<string, string> {
  const { clientId, clientSecret } = oauthClient(provider, process.env)
  return { CLIENT_ID: clientId, CLIENT_SECRET: clientSecret.reveal(), REDIRECT_URIS: redirectUri }
}

/** Connects a demo user's simulated drive, and answers the lines that show how to store something there. */
async function demoOf(own: string, token: string, provider: ProviderId): Promise<string> {
  const connectionId = await ensureDemoConnection({ base: own, token, provider, account: demoAccount })
  return [
    '',
    `Store a document in the simulated ${aboutOf(provider).name} of ${demoAccount}:`,
    '',
    `curl -X PUT '${own}/v1/documents/hello?connectionId=${connectionId}&extension=.txt' -H 'Authorization: Bearer ${token}' -H 'Content-Type: text/plain' --data-binary 'Hello, Drive.'`,
    '',
  ].join('\n')
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(0))
try {
  await start(addressesFrom(process.env['DRIVEWAY_PORT']))
} catch (error) {
  await fail(`driveway: ${error instanceof Error ? error.message : 'the local stack could not start'}`)
}
