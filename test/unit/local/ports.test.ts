import { expect, test } from 'vitest'
import { addresses } from '../../../local/ports.ts'
import { simulated, simulatedUnder } from '../../../local/simulated.ts'

test('every server of the local stack has a port of its own, and simulators keep theirs', () => {
  const { ports } = addresses('9000')
  expect(ports).toMatchObject({ gateway: 9000, google: 9001, microsoft: 9002, s3: 9003, secrets: 9006 })
  expect(new Set(Object.values(ports)).size).toBe(Object.keys(ports).length)
  expect(() => addresses('65535')).toThrow(
    /^DRIVEWAY_PORT must be a whole number from 1 to 65\d{3}, not 65535$/,
  )
})

test('a provider is played unless the environment names its whole OAuth client', () => {
  for (const { name, clientSettings } of simulated) {
    if (clientSettings === undefined) continue
    const id = { [clientSettings.id]: 'an-id', [clientSettings.secret]: '' }
    const names = (env: NodeJS.ProcessEnv): string[] => simulatedUnder(env).map((one) => one.name)
    expect(names(id)).toContain(name)
    expect(names({ ...id, [clientSettings.secret]: 'a-secret' })).not.toContain(name)
  }
})
