import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod/mini'
import { serversHere } from './free-ports.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { Addresses } from './ports.ts'

const maxBodyBytes = 64 * 1024
const tokenRequest = z.object({
  sub: z.string().check(z.minLength(1)),
  expiresInSeconds: z.optional(z.int().check(z.gte(-3600), z.lte(30 * 24 * 3600))),
})

export interface LocalRoutesOptions {
  readonly identity: IdentityProvider
  readonly addresses: Addresses
  readonly behind: Parameters<typeof serversHere>[0]
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return undefined
  }
}

function json(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'access-control-allow-origin': '*',
  })
  res.end(JSON.stringify(body))
}

async function answers(url: string): Promise<boolean> {
  try {
    const { body } = await fetch(url, { signal: AbortSignal.timeout(2_000), redirect: 'manual' })
    await body?.cancel()
    return true
  } catch {
    return false
  }
}

/** What the local stack answers beside the API: health, and the identity provider that stands in for the deployment's. */
export function localRoutes({ identity, addresses, behind }: LocalRoutesOptions) {
  const health = async (res: ServerResponse): Promise<void> => {
    const others = serversHere(behind).filter((name) => name !== 'gateway')
    const up = await Promise.all(
      others.map(async (name) => [name, await answers(addresses.url(name))] as const),
    )
    const ok = up.every(([, answered]) => answered)
    json(
      res,
      ok ? 200 : 503,
      ok ? { ok } : { ok, down: up.filter(([, answered]) => !answered).map(([name]) => name) },
    )
  }
  const token = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const wanted = tokenRequest.safeParse(await readJson(req))
    if (!wanted.success) return json(res, 400, { error: 'send {"sub": "alice"}' })
    json(res, 200, { token: await identity.mint(wanted.data.sub, wanted.data.expiresInSeconds) })
  }
  return async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> => {
    const route = `${req.method ?? 'GET'} ${url.pathname}`
    switch (route) {
      case 'GET /healthz':
        return health(res)
      case 'POST /local/token':
        return token(req, res)
      case 'GET /local/.well-known/jwks.json':
        return json(res, 200, identity.jwks)
      case 'GET /local/.well-known/openid-configuration':
        return json(res, 200, {
          issuer: identity.issuer,
          jwks_uri: `${identity.issuer}/.well-known/jwks.json`,
        })
      default:
        return json(res, 404, {
          error: 'there is nothing at this address',
          api: `${addresses.url('gateway')}/v1/openapi.json`,
        })
    }
  }
}
