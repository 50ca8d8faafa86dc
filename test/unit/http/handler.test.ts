import { once } from 'node:events'
import { expect, it } from 'vitest'
import { routes } from '../../../lib/contract/routes.ts'
import { httpHandler } from '../../../lib/http/handler.ts'
import { apiEvent } from '../../support/api-event.ts'
import { instantClock } from '../../support/instant-clock.ts'

it('a request whose time is up has some left to write down what has become of it', async () => {
  const clock = instantClock()
  const context = { functionName: 'list-connections', getRemainingTimeInMillis: () => 28_000 }
  let isWritten = false
  const handler = httpHandler(routes.listConnections, { settings: {}, clock }, async ({ signal }) => {
    await once(signal, 'abort')
    isWritten = await Promise.resolve(true)
    throw signal.reason
  })
  const event = apiEvent({ exp: clock.now() / 1000 + 60 })
  const answer = (await handler(event, context as never)) as { statusCode: number; body: string }
  expect(isWritten).toBe(true)
  expect(answer.statusCode).toBe(503)
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'provider_unavailable' })
  expect(clock.waits).toEqual([25_500])
})
