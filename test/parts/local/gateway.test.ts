import { describe, expect, it } from 'vitest'
import { gateway } from '../../../local/gateway/gateway.ts'
import { guardPages } from '../../../local/pages.ts'
import { serve } from '../../support/serve.ts'

const told: string[] = []

/** The gateway over an authorizer that fails as given. */
async function withAuthorizer(failure: Error): Promise<string> {
  const answer = gateway({
    mayCall: guardPages(['http://localhost:*'], (line) => told.push(line)),
    invoker: {
      invoke: () => Promise.reject(failure),
      invokeHttp: () => Promise.reject(new Error('No function may be reached.')),
    },
  })
  return serve((req, res) => void answer(req, res, new URL(req.url ?? '/', 'http://local')))
}

describe('a caller that the authorizer says nothing good of', () => {
  it.each([
    ['is refused for a bad token', 'Unauthorized', 401, 'unauthorized', null],
    ['is asked to come back when tokens cannot be checked', 'down', 503, 'provider_unavailable', '5'],
  ])('%s', async (_what, message, status, code, retryAfter) => {
    const base = await withAuthorizer(new Error(message))
    const answer = await fetch(`${base}/v1/connections`, { headers: { authorization: 'Bearer a.b.c' } })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, retryAfter])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toMatchObject({
      code,
      status,
      ...(retryAfter === null ? {} : { retryAfterSeconds: Number(retryAfter) }),
    })
  })
})

it('tells the log once for each origin whose pages may not call', async () => {
  const base = await withAuthorizer(new Error('Unauthorized'))
  const from = async (origin: string): Promise<string | null> =>
    (await fetch(`${base}/v1/connections`, { headers: { origin } })).headers.get(
      'access-control-allow-origin',
    )
  expect(await from('http://localhost:4200')).toBe('http://localhost:4200')
  told.length = 0
  expect(await from('http://192.168.0.2:5173')).toBeNull()
  expect(await from('http://192.168.0.2:5173')).toBeNull()
  expect(await from('http://localhost.evil.example:4200')).toBeNull()
  expect(told).toEqual([
    'driveway: pages of "http://192.168.0.2:5173" may not call: list it in CORS_ORIGINS',
    'driveway: pages of "http://localhost.evil.example:4200" may not call: list it in CORS_ORIGINS',
  ])
})
