import * as z from 'zod/mini'

const started = z.object({ connection: z.object({ id: z.string() }), authorizationUrl: z.url() })
const listed = z.object({
  connections: z.array(z.object({ id: z.string(), provider: z.string(), status: z.string() })),
})

async function call(
  base: string,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}`)
  return answer.json()
}

/**
 * Plays the person at a simulator's consent page: approves for
 * `account` and answers the completion code that the callback shows.
 */
async function approve(authorizationUrl: string, account: string): Promise<string> {
  const consent = await fetch(authorizationUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ decision: 'approve', account }),
    redirect: 'manual',
  })
  const callback = consent.headers.get('location')
  await consent.body?.cancel()
  if (callback === null) throw new Error(`the consent page answered ${consent.status}`)
  const page = await (await fetch(callback)).text()
  const code = /data-completion-code="([^"]+)"/.exec(page)?.[1]
  if (code === undefined) throw new Error('the callback page shows no completion code')
  return code
}

export interface Demo {
  readonly base: string
  readonly token: string
  readonly provider: string
  readonly account: string
}

/**
 * Gives `token`'s user a connection to a simulated drive over the public API,
 * the way a person would, unless there is one. Answers the connection's id.
 */
export async function ensureDemoConnection({ base, token, provider, account }: Demo): Promise<string> {
  const { connections } = listed.parse(await call(base, token, 'GET', '/v1/connections'))
  const standing = connections.find((one) => one.provider === provider && one.status === 'active')
  if (standing !== undefined) return standing.id
  const { connection, authorizationUrl } = started.parse(
    await call(base, token, 'POST', '/v1/connections', { provider }),
  )
  const completionCode = await approve(authorizationUrl, account)
  await call(base, token, 'POST', `/v1/connections/${connection.id}/complete`, { completionCode })
  return connection.id
}
