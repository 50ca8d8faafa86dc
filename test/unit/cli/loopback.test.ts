import { expect, it } from 'vitest'
import { cameBackFrom } from '../../../cli/commands/connect.ts'
import { listenForBrowser } from '../../../cli/loopback.ts'

it('a page that finds the address of a connect cannot end it; who comes from the consent does', async () => {
  const loopback = await listenForBrowser()
  try {
    const arrival = loopback.arrival(cameBackFrom('c-1'), AbortSignal.timeout(30_000))
    for (const query of [
      '',
      'error=access_denied',
      'connectionId=c-2&error=no',
      'connectionId=&completionCode=x',
    ])
      expect((await fetch(`${loopback.url}?${query}`)).status).toBe(404)
    expect((await fetch(`${loopback.url}?connectionId=c-1&error=access_denied`)).status).toBe(200)
    expect((await arrival).get('error')).toBe('access_denied')
  } finally {
    loopback.close()
  }
})
