import type { APIGatewayAuthorizerResult, APIGatewayTokenAuthorizerEvent } from 'aws-lambda'
import { openTokenVerifier } from '../lib/compose.ts'
import { errorFields, logger } from '../lib/telemetry/logger.ts'

/**
 * The gateway's authorizer: verifies the caller's JWT and hands its `sub` on.
 * Anything but a valid token ends in `Unauthorized`, which the gateway answers as 401.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
 */
export async function handler(event: APIGatewayTokenAuthorizerEvent): Promise<APIGatewayAuthorizerResult> {
  const token = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i.exec(
    event.authorizationToken,
  )?.[1]
  const verify = await openTokenVerifier()
  const verified =
    token === undefined
      ? undefined
      : await verify(token).catch((error: unknown) => logger.info('token refused', errorFields(error)))
  if (verified === undefined) throw new Error('Unauthorized')
  // The answer is cached by token, so it has to allow every route, not only the one that was asked for first.
  const [api = ''] = event.methodArn.split('/')
  const resource = `${api}/*`
  return {
    principalId: verified.sub,
    // The gateway caches this answer for a while, so the chain behind it refuses a token that has ended since.
    context: { exp: verified.exp },
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: resource }],
    },
  }
}
