import type { Check, Deployed } from './finding.ts'
import { fault, note, ok } from './finding.ts'

/** The API answers, describes itself, and refuses a caller without a token in the contract's words. */
export function apiCheck({ outputs }: Pick<Deployed, 'outputs'>): Check {
  return {
    name: 'API',
    async run() {
      const url = outputs['ApiUrl']
      if (url === undefined) {
        return [
          note(
            'the API’s address is not known',
            'deploy with --outputs-file dist/outputs-{stage}.json, or name such a file: --outputs',
          ),
        ]
      }
      const get = (path: string) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(15_000) })
      const [described, refused] = await Promise.all([get('/v1/openapi.json'), get('/v1/documents')])
      const problem = refused.headers.get('content-type')?.startsWith('application/problem+json') === true
      return [
        described.status === 200
          ? ok(`${url} answers`)
          : fault(`${url}/v1/openapi.json answers ${described.status}`, 'see the log of get-openapi'),
        refused.status === 401 && problem
          ? ok('a caller without a token is refused')
          : fault(
              `a caller without a token gets ${refused.status}`,
              'see the API’s gateway responses and the authorizer’s log',
            ),
      ]
    },
  }
}

/** The issuer's discovery document is there, is its own, and leads to keys. */
export function issuerCheck({ outputs }: Pick<Deployed, 'outputs'>): Check {
  return {
    name: 'issuer',
    async run() {
      const issuer = outputs['Issuer']
      if (issuer === undefined) return []
      const answer = await fetch(`${issuer}/.well-known/openid-configuration`, {
        signal: AbortSignal.timeout(15_000),
      })
      const document = answer.ok ? ((await answer.json()) as { issuer?: string; jwks_uri?: string }) : {}
      if (document.jwks_uri === undefined)
        return [fault(`${issuer} has no discovery document`, 'check the setting issuer, or set jwksUri')]
      if (document.issuer !== issuer)
        return [fault(`${issuer} calls itself ${String(document.issuer)}`, 'set issuer to exactly that')]
      const keys = await fetch(document.jwks_uri, { signal: AbortSignal.timeout(15_000) })
      return [
        keys.ok
          ? ok(`${issuer} and its keys`)
          : fault(`${document.jwks_uri} answers ${keys.status}`, 'ask whoever runs the issuer'),
      ]
    },
  }
}
