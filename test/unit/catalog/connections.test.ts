import { PutCommand } from '../../../lib/aws/dynamo.ts'
import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizationStore } from '../../../lib/catalog/authorizations.ts'
import { connectionStore } from '../../../lib/catalog/connections.ts'
import { tokenStore } from '../../../lib/catalog/tokens.ts'
import { walker } from '../../../lib/catalog/walks.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { dynamoAt } from '../../support/aws-caller.ts'
import type { World } from '../../support/grants-world.ts'
import { caller, openWorld } from '../../support/grants-world.ts'

let world: World
let lossy: Awaited<ReturnType<typeof losingAnswers>>
beforeAll(async () => {
  world = await openWorld()
  lossy = await losingAnswers(world.endpoints.dynamoDb)
})
afterAll(async () => {
  await lossy.close()
  await world.close()
})

const now = (): number => world.clock.now()
const fresh = (sub: string) => ({
  ...caller(sub),
  connectionId: newConnectionId(),
  provider: 'onedrive' as const,
  status: 'active' as const,
})

describe('connection rows', () => {
  it('are changed by whoever read them last, and by nobody else', async () => {
    const { connections } = world.main
    const row = await connections.create(fresh('one'))
    const [first, second] = await Promise.all([
      connections.update(row, { email: 'a@example.com' }),
      connections.update(row, { email: 'b@example.com' }),
    ])
    expect([first, second].filter((written) => written === undefined)).toHaveLength(1)
    const stored = await connections.get(row, row.connectionId)
    expect(stored).toEqual(first ?? second)
    expect(stored?.version).toBe(2)
  })

  it('lose an attribute that is set to undefined, and leave the index with it', async () => {
    const { connections } = world.main
    const row = await connections.create({
      ...fresh('index'),
      idleSince: new Date(now() - 1).toISOString(),
    })
    const old = async () =>
      (await connections.listOld('onedrive', 100)).rows.map(({ connectionId }) => connectionId)
    expect(await old()).toContain(row.connectionId)
    await connections.update(row, { status: 'disconnected', idleSince: undefined })
    expect(await old()).not.toContain(row.connectionId)
    expect(await connections.get(row, row.connectionId)).not.toHaveProperty('idleSince')
  })

  it('are created once, and removed only as they were seen', async () => {
    const { connections } = world.main
    const row = await connections.create(fresh('twice'))
    await expect(connections.create(row)).rejects.toMatchObject({ code: 'internal_error' })
    const changed = await connections.update(row, { email: 'x@example.com' })
    expect(await connections.remove(row)).toBe(false)
    expect(await connections.remove(changed ?? row)).toBe(true)
    expect(await connections.remove(row)).toBe(true)
  })

  it('that are malformed are an error of ours, not a guess', async () => {
    const malformed = fresh('malformed')
    const { userKey, connectionId } = malformed
    await dynamoAt(world.endpoints.dynamoDb).send(
      new PutCommand({
        TableName: 'connections',
        Item: { userKey, connectionId, provider: 'nobodys-drive' },
      }),
    )
    await expect(world.main.connections.get(malformed, connectionId)).rejects.toMatchObject({
      code: 'internal_error',
    })
  })
})

describe('a write whose answer was lost and that the SDK repeats', () => {
  it('counts as written for connections', async () => {
    const connections = connectionStore(dynamoAt(lossy.endpoint), 'connections', now)
    lossy.loseNext()
    const row = await connections.create(fresh('lossy'))
    lossy.loseNext()
    expect(await connections.update(row, { email: 'x@example.com' })).toMatchObject({ version: 2 })
    lossy.loseNext()
    expect(await connections.remove({ ...row, version: 2 })).toBe(true)
  })

  it('counts as claimed for authorizations, for this claim alone', async () => {
    const authorizations = authorizationStore(dynamoAt(lossy.endpoint), 'authorizations', now)
    const { userKey, connectionId } = fresh('lossy')
    const times = { startedAt: new Date(now()).toISOString(), expiresAt: Math.floor(now() / 1000) + 600 }
    const rest = {
      provider: 'onedrive',
      redirectUri: 'https://x.test',
      sealedVerifier: 'v',
      kind: 'state',
    } as const
    await authorizations.create({ id: 'state:1', userKey, connectionId, ...rest, ...times })
    lossy.loseNext()
    expect(await authorizations.claim('state:1', 'mine', now() + 1000)).toBe(true)
    expect(await authorizations.claim('state:1', 'another', now() + 1000)).toBe(false)
    lossy.loseNext()
    await authorizations.release('state:1', 'mine', 'sealed')
    expect(await authorizations.get('state:1')).toMatchObject({ sealedTokens: 'sealed' })
    expect(await authorizations.claim('state:1', 'another', now() + 1000)).toBe(true)
  })

  it('takes and settles a refresh lease', async () => {
    const tokens = tokenStore(dynamoAt(lossy.endpoint), 'tokens')
    const { connectionId } = fresh('lossy')
    lossy.loseNext()
    const row = await tokens.acquire(connectionId, 'me', now(), now() + 10_000)
    expect(row).toMatchObject({ leaseOwner: 'me' })
    expect(await tokens.acquire(connectionId, 'you', now(), now() + 10_000)).toBeUndefined()
    const write = { version: 5, accessToken: 'sealed', tokenExpiresAt: now() + 1000 }
    lossy.loseNext()
    const lease = { connectionId, owner: 'me', fence: row?.fence ?? 0 }
    expect(await tokens.settle(lease, { kind: 'tokens', write, rowExpiresAt: now() + 1000 })).toBe(true)
    expect(await tokens.get(connectionId)).toMatchObject({ version: 5 })
    expect(await tokens.acquire(connectionId, 'you', now(), now() + 10_000)).toMatchObject({
      fence: (row?.fence ?? 0) + 1,
    })
    expect(await tokens.settle(lease, { kind: 'release' })).toBe(false)
  })
})

/** A way to DynamoDB that can do the work and lose the answer. */
async function losingAnswers(target: string) {
  let lose = false
  const server = createServer((request, response) => {
    const losing = lose
    lose = false
    // The headers go on as they are: the host's name is signed with the rest.
    const onward = send(target, { method: request.method, headers: request.headers }, (answer) => {
      if (!losing) response.writeHead(answer.statusCode ?? 502, answer.headers)
      // Lost only when the whole answer is there: the write has happened.
      answer.on('end', () => losing && response.destroy())
      if (losing) answer.resume()
      else answer.pipe(response)
    })
    onward.once('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseNext: () => {
      lose = true
    },
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

describe('walks', () => {
  it('go on where they stopped, also when a part is cut off, and begin anew when it is time', async () => {
    const walkOn = walker(dynamoAt(world.endpoints.dynamoDb), 'authorizations', now)
    const walk = { name: 'here', everyMs: 3_600_000 }
    const starts: (string | undefined)[] = []
    const part = (next?: string) =>
      walkOn(walk, (from) => {
        starts.push(from)
        return Promise.resolve(next)
      })
    await part('a')
    await expect(walkOn(walk, () => Promise.reject(new Error('cut off')))).rejects.toThrow('cut off')
    await part('b')
    await part()
    await part('too soon')
    world.advance(3_600_000)
    await part()
    expect(starts).toEqual([undefined, 'a', 'b', undefined])
  })
})
