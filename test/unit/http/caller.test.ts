import type { APIGatewayProxyEvent } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { handler } from '../../../functions/list-connections.ts'

/** The least of an event that reaches the caller's check. */
function eventOf(authorizer: Record<string, unknown> | undefined): APIGatewayProxyEvent {
  return {
    httpMethod: 'GET',
    headers: {},
    body: null,
    isBase64Encoded: false,
    pathParameters: null,
    multiValueQueryStringParameters: null,
    requestContext: { authorizer, requestId: 'r-1' },
  } as unknown as APIGatewayProxyEvent
}
const context = { awsRequestId: 'r-1', getRemainingTimeInMillis: () => 10_000 } as unknown as Parameters<
  typeof handler
>[1]

describe('behind the gateway’s cached authorizer', () => {
  it.each([
    ['nobody', undefined],
    ['an empty principal', { principalId: '' }],
    [
      'a token that has ended since',
      { principalId: 'alice', exp: String(Math.floor(Date.now() / 1000) - 1) },
    ],
  ])('%s is refused', async (_who, authorizer) => {
    const answer = (await handler(eventOf(authorizer), context)) as { statusCode: number; body: string }
    expect(answer.statusCode).toBe(401)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'unauthorized', requestId: 'r-1' })
  })
})
