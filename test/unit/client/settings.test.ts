import { describe, expect, it } from 'vitest'
import { createDriveway as inPages } from '../../../client/src/browser.ts'
import { createDriveway as onServers, errorAdvice } from '../../../client/src/node.ts'
import { ownErrors } from '../../../client/own-errors.ts'

const token = () => 'token'
const address = /^baseUrl has to be the API’s address, such as https/

describe.each([
  ['in a page', inPages],
  ['on a server', onServers],
])('what the client is made with, %s', (_where, createDriveway) => {
  it.each([
    ['nothing', {}, address],
    ['no scheme', { baseUrl: 'api.example.com', token }, address],
    ['a path', { baseUrl: '/api', token }, address],
    ['another scheme', { baseUrl: 'ftp://api.example.com', token }, address],
    ['the version', { baseUrl: 'https://api.example.com/v1/', token }, /has to be without \/v1/],
    ['a token as it is', { baseUrl: 'https://api.example.com', token: 'secret-token' }, /^token has to be/],
  ])('is refused at once: %s', (_what, settings, words) => {
    const make = () => createDriveway(settings as Parameters<typeof createDriveway>[0])
    expect(make).toThrow(TypeError)
    expect(make).toThrow(words)
    expect(make).not.toThrow(/secret-token/)
  })

  it('may end with a slash', async () => {
    const asked: unknown[] = []
    const fetch: typeof globalThis.fetch = (url) => {
      asked.push(url)
      return Promise.resolve(Response.json({ connections: [] }))
    }
    await createDriveway({ baseUrl: 'https://api.example.com/base//', token, fetch }).connections.list()
    expect(asked).toEqual(['https://api.example.com/base/v1/connections'])
  })
})

it('has words for every code, its own too', () => {
  for (const code of Object.keys(ownErrors) as (keyof typeof ownErrors)[])
    expect(errorAdvice[code]).toEqual(ownErrors[code])
})
