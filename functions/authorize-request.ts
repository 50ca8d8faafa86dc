import type { APIGatewayAuthorizerResult, APIGatewayTokenAuthorizerEvent } from 'aws-lambda'
import { openTokenVerifier } from '../lib/compose.ts'
import { authorizeToken } from '../lib/http/authorizer.ts'

/** The gateway's authorizer: verifies the caller's JWT and hands its `sub` on. */
export async function handler(event: APIGatewayTokenAuthorizerEvent): Promise<APIGatewayAuthorizerResult> {
  return authorizeToken(event, await openTokenVerifier())
}
