import type { APIGatewayAuthorizerResult, APIGatewayTokenAuthorizerEvent } from 'aws-lambda'
import { isServiceError } from '../errors.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { TokenVerifier } from './token-verifier.ts'

const bearer = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i

/**
 * Answers the gateway's question about a token: which user's it is, or which machine's, with its scopes. It
 * may call every route, since the answer is cached by token. Throws `Unauthorized`, which the gateway answers
 * as 401, for a token that is not valid; anything else, which it answers as 503, when the issuer's keys
 * cannot be read.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
 */
export async function authorizeToken(
  event: APIGatewayTokenAuthorizerEvent,
  verify: TokenVerifier,
): Promise<APIGatewayAuthorizerResult> {
  const token = bearer.exec(event.authorizationToken)?.[1] ?? ''
  const verified = await verify(token).catch((error: unknown) => {
    // Nothing is wrong with the token, so nobody may be told to sign in again.
    if (isServiceError(error, 'provider_unavailable')) {
      logger.warn('a token could not be checked', errorFields(error))
      throw error
    }
    logger.info('token refused', errorFields(error))
    throw new Error('Unauthorized')
  })
  const [api = ''] = event.methodArn.split('/')
  const { exp, sub, machine } = verified
  return {
    principalId: sub ?? machine.client,
    // The chain behind the gateway's cache refuses a token that has ended since.
    context: {
      exp,
      ...(machine !== undefined && { client: machine.client, scopes: machine.scopes.join(' ') }),
    },
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: `${api}/*` }],
    },
  }
}
