import type { APIGatewayAuthorizerResult, APIGatewayTokenAuthorizerEvent } from 'aws-lambda'
import { openTokenVerifier } from '../lib/compose/authorizer.ts'
import type { BareProcess } from '../lib/compose/bare-process.ts'
import { bareProcess } from '../lib/compose/bare-process.ts'
import { onceAsync } from '../lib/compose/once.ts'
import { authorizeToken } from '../lib/http/authorizer.ts'

/** The gateway's authorizer: verifies the caller's JWT and hands its `sub` on. */
export const handlerIn = (composition: BareProcess) => {
  const verifier = onceAsync(() => openTokenVerifier(composition))
  return async (event: APIGatewayTokenAuthorizerEvent): Promise<APIGatewayAuthorizerResult> =>
    authorizeToken(event, async (token) => (await verifier())(token))
}

export const handler = handlerIn(bareProcess)
