import type { RouteFunctionName } from '../../../lib/contract/routes.ts'
import { servedRoutes } from '../../../lib/contract/routes.ts'
import { oauthClient } from '../../../local/provision.ts'
import type { Control } from '../../../simulators/control-client.ts'
import { controlOf } from '../../../simulators/control-client.ts'
import type { OAuthClient } from '../../../simulators/kernel/control.ts'
import { signIn } from '../../../simulators/simulate.ts'
import type { ApiCall } from '../../support/api-event.ts'
import { systemClock } from '../../../lib/clock.ts'
import { tokenFor } from '../../support/api.ts'
import type { Cloud } from '../drives.ts'
import { cloudOf } from '../drives.ts'
import type { Ground } from '../ground.ts'
import type { WireAnswer, WireRequest } from '../in-process.ts'
import type { HttpAnswer, Outcome } from '../lambda.ts'
import type { Ledger } from '../ledger.ts'
import type { Life } from './life.ts'
import type { Outside } from './outside.ts'
import { offsets, personsMark } from './outside.ts'

const minute = 60_000
/** More than faults are ever armed at once. */
const mostTries = 200
/** What its owner's own program is, to the drive. */
const program: OAuthClient = {
  clientId: 'person',
  clientSecret: 'a secret of nobody',
  redirectUris: ['http://localhost/callback'],
}
/** All that its owner may do there; what is left out is what the product asks for, too. */
const scopes: Readonly<Partial<Record<Cloud, string>>> = {
  google: 'openid email https://www.googleapis.com/auth/drive',
}

/** An hour of a history takes some ten seconds here, and its first minute one and a half. */
export const pace = (ms: number): number => Math.min(ms, Math.sqrt(ms) * 6)

export interface StackGround extends Ground {
  readonly story: readonly string[]
  /** Nothing that acts have begun is under way, and none is to come. */
  isQuiet(): boolean
}

/** A running stack as ground: everything goes over HTTP, as apps, browsers and other programs send it. */
export function onStack(life: Life, outside: Outside, ledger: Ledger, isDamaging: boolean): StackGround {
  const story: string[] = []
  let underWay = 0
  const counted = async <T>(work: Promise<T>): Promise<T> => {
    underWay += 1
    try {
      return await work
    } finally {
      underWay -= 1
    }
  }
  const originOf = (cloud: Cloud): string => life.at(offsets[cloud])
  const control = (cloud: Cloud): Control => controlOf(originOf(cloud))
  const allSent = (): ReadonlyMap<string, Buffer> =>
    new Map([...ledger.histories.values()].flatMap(({ contents }) => [...contents]))
  const nothing: ReadonlyMap<string, Buffer> = new Map()
  return {
    story,
    get now() {
      return Date.now()
    },
    after(ms, run) {
      underWay += 1
      setTimeout(() => {
        underWay -= 1
        run()
      }, pace(ms))
    },
    tell: (line) => void story.push(`${new Date().toISOString().slice(11, 23)} ${line}`),
    isQuiet: () => underWay === 0,
    sizes: { small: 64 * 1024, fragment: 10 * 1024 * 1024 },
    appOf: (sub) => (route, call) => counted(askApi(life, sub, route, call)),
    askProvider: (request) =>
      counted(life.whileUp(() => exchange({ ...request, url: byPersons(request.url, originOf) }))),
    bearer: (cloud, account) => counted(signInAs(life, cloud, originOf(cloud), account)),
    control: (cloud) => {
      const { files, setQuota, revoke, expireTokens } = control(cloud)
      return {
        files: (account) => counted(life.whileUp(() => files(account))),
        setQuota: (account, most) => counted(life.whileUp(() => setQuota(account, most))),
        revoke: (account) => counted(life.whileUp(() => revoke(account))),
        expireTokens: (account) => counted(life.whileUp(() => expireTokens(account))),
      }
    },
    outage: (cloud, ms) =>
      counted(life.whileUp(() => outside.fault(cloud, { type: 'status', status: 503 }, 2 + pace(ms) / 500))),
    rows: (table) => life.whileUp(() => outside.rows(table)),
    objects: (bucket) => life.whileUp(() => outside.objects(bucket)),
    putObject: (...given) => counted(life.whileUp(() => outside.putObject(...given))),
    removeObject: (...given) => counted(life.whileUp(() => outside.removeObject(...given))),
    async putSigned(url, headers, body) {
      await life.isUp()
      const sent = fetch(url, { method: 'PUT', headers, body: Buffer.from(body) })
      return await counted(sent.then(statusOf, () => 0))
    },
    mayAwsFail: () => false,
    wait: (asked) => asked,
    isBusy: () => life.whileUp(() => outside.isBusy()),
    async evidence() {
      // Drives are looked at all the time, and what was seen is told a moment later.
      for (let look = 0; look < 40 && (await life.whileUp(() => outside.isTelling())); look += 1)
        await systemClock.sleep(250)
      const { told, written, waiting, dead, renamed } = outside.gathered
      const lost = life.kills > 0 ? allSent() : nothing
      return {
        told,
        written,
        waiting,
        dead,
        printed: life.printed(),
        ofTheDead: lost,
        unheard: isDamaging ? lost : nothing,
        isUnclaimed: (sha) => lost.has(sha),
        renamedAt: (id) => renamed.get(id),
      }
    },
  }
}

const statusOf = async (answer: Response): Promise<number> => {
  await answer.body?.cancel()
  return answer.status
}

/** One request of an app with its user's token; `lost` when there was no answer. */
async function askApi(
  life: Life,
  sub: string,
  name: RouteFunctionName,
  { method = 'GET', path = {}, query = {}, headers = {}, json, bytes }: Omit<ApiCall, 'sub'> = {},
): Promise<Outcome<HttpAnswer>> {
  const route = servedRoutes.find(({ functionName }) => functionName === name)
  if (route === undefined) throw new Error(`${name} has no route.`)
  const where = route.path.replaceAll(/\{(\w+)\}/g, (_, part: string) => encodeURIComponent(path[part] ?? ''))
  const asked = new URLSearchParams(query).toString()
  const body = bytes ?? (json === undefined ? undefined : Buffer.from(JSON.stringify(json)))
  await life.isUp()
  try {
    let answer = await fetch(`${life.base}${where}${asked === '' ? '' : `?${asked}`}`, {
      method,
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${await tokenFor(life.base, sub)}`,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
      signal: AbortSignal.timeout(minute),
    })
    // A large document is read at an address of its own.
    const link = name === 'get-document' && answer.status === 303 ? answer.headers.get('location') : null
    if (link !== null) {
      await answer.body?.cancel()
      answer = await fetch(link, { redirect: 'manual', signal: AbortSignal.timeout(minute) })
    }
    const read = await bodyOf(answer)
    return { kind: 'answer', answer: { status: answer.status, headers: headersOf(answer), ...read } }
  } catch {
    return { kind: 'lost' }
  }
}

const headersOf = ({ headers }: Response): Record<string, string> => Object.fromEntries(headers)

async function bodyOf({ body }: Response): Promise<{ body: Buffer; isBroken: boolean }> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of body ?? []) chunks.push(chunk as Uint8Array)
    return { body: Buffer.concat(chunks), isBroken: false }
  } catch {
    return { body: Buffer.concat(chunks), isBroken: true }
  }
}

function productAt({ base }: Life): OAuthClient {
  const { clientId, clientSecret } = oauthClient('dropbox', {})
  return { clientId, clientSecret: clientSecret.reveal(), redirectUris: [`${base}/v1/oauth/callback`] }
}

/** Again where the drive's weather was in the way: whoever is at a page tries until it works. */
async function signInAs(life: Life, cloud: Cloud, origin: string, account: string): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await life.whileUp(async () => {
        // Dropbox shows a program nothing but a folder of its own.
        const client = cloud === 'dropbox' ? productAt(life) : program
        await controlOf(origin).addClient(client)
        return (await signIn(cloud, origin, client, account, scopes[cloud])).access_token
      })
    } catch (error) {
      if (tries === mostTries) throw error
    }
  }
}

/** Where a person's request goes, marked so that no fault is taken for one of the product's. */
function byPersons(given: string, originOf: (cloud: Cloud) => string): string {
  const url = new URL(given)
  if (url.hostname === '127.0.0.1') return given
  url.searchParams.set(personsMark, '1')
  return `${originOf(cloudOf(given))}${url.pathname}${url.search}`
}

/** One request to a drive; undefined when it hung up instead of answering. */
async function exchange({ method, url, headers, body }: WireRequest): Promise<WireAnswer | undefined> {
  try {
    const given = body.length === 0 && method === 'GET' ? {} : { body: Buffer.from(body) }
    const answer = await fetch(url, { method, headers, redirect: 'manual', ...given })
    return { status: answer.status, headers: headersOf(answer), ...(await bodyOf(answer)) }
  } catch {
    return undefined
  }
}
