import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { GrantRow } from '../../../lib/catalog/grants.ts'
import { moveGrants } from '../../../lib/connections/move-grants.ts'
import { itemsIn } from '../../../lib/grants/cell.ts'
import { disconnectGrant } from '../../../lib/grants/connect.ts'
import { oldSecretName } from '../../../lib/grants/grant-row.ts'
import { pack } from '../../../lib/grants/pack.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { secret } from '../../../lib/secret.ts'
import { caller } from '../../support/grants-world.ts'
import { mortality } from '../../support/mortality.ts'
import { sampleOf } from '../../support/sample.ts'
import { Deployment, giveConsent, hour } from '../../models/deployment.ts'

const providers = ['google-drive', 'onedrive'] as const
type Stack = ReturnType<Deployment['open']>

/** As an earlier version has left it: one secret a connection, a newer token in the tokens row. */
async function oldDeployment() {
  const deployment = new Deployment()
  const main = deployment.open()
  const issuedAt = deployment.now - 40 * 24 * hour
  const idleSince = new Date(issuedAt).toISOString()
  const all: { readonly connection: Connection; token: string | undefined }[] = []
  for (let at = 0; at < 5; at += 1) {
    const provider = providers[at % 2] ?? 'onedrive'
    const holder = { ...caller('old'), connectionId: newConnectionId(), provider, accountId: 'a' }
    const connection = await main.connections.create({ ...holder, status: 'active', idleSince })
    const { connectionId } = connection
    const kept = { refreshToken: `kept ${String(at)}`, issuedAt }
    deployment.secrets.set(`/${oldSecretName(connectionId)}`, { value: JSON.stringify(kept) })
    const isRotated = at === 3
    const rotated = secret(`rotated ${String(at)}`)
    const refreshToken = await main.sealer.seal(rotated, 'refresh token', connectionId)
    const Item = { connectionId, fence: 4, version: 9, refreshToken, refreshIssuedAt: issuedAt + hour }
    if (isRotated)
      deployment.tables.run({ constructor: { name: 'PutCommand' }, input: { TableName: 'tokens', Item } })
    all.push({ connection, token: isRotated ? rotated.reveal() : kept.refreshToken })
  }
  return { deployment, all }
}

type Old = Awaited<ReturnType<typeof oldDeployment>>

/** What the schedule does in an hour. */
async function work(stack: Stack): Promise<void> {
  await moveGrants(stack, { remainingMs: () => 600_000 })
  for (const provider of providers) await pack(stack.packer, provider, () => false)
}

/** Every grant is the newest one, in a cell, where its row says; nothing else is left anywhere. */
async function expectMoved({ deployment, all }: Old): Promise<void> {
  const rows = new Map(
    (deployment.tables.all('grants') as unknown as GrantRow[]).map((row) => [row.connectionId, row]),
  )
  for (const { connection, token } of all) {
    const held = (await deployment.open().grants.read(connection))?.held
    const found = held !== undefined && 'refreshToken' in held ? held.refreshToken.reveal() : undefined
    expect([connection.provider, found]).toEqual([connection.provider, token])
    const { goes = [], leaves = [], at = 'cells/' } = rows.get(connection.connectionId) ?? {}
    expect([goes, leaves, at]).toEqual([[], [], expect.stringMatching(/^cells\//)])
    const seen = await deployment.open().connections.named(connection.userKey, connection.connectionId)
    expect(seen?.idleSince).toBeUndefined()
  }
  const held = [...rows.values()].flatMap(({ at, connectionId }) =>
    at === undefined ? [] : [`/${at} ${connectionId}`],
  )
  const items = [...deployment.secrets].flatMap(([name, { value }]) =>
    typeof value === 'string' ? [name] : itemsIn(value).map(({ connectionId }) => `${name} ${connectionId}`),
  )
  expect(items.toSorted()).toEqual(held.toSorted())
  expect(
    deployment.tables
      .all('cells')
      .map(({ cell }) => `/${String(cell)}`)
      .toSorted(),
  ).toEqual([...deployment.secrets.keys()].toSorted())
}

/** A process does `begin` and dies at its `calls`-th call; those after it do what they do each hour. */
async function dyingAt(
  calls: number,
  after: boolean,
  begin: (stack: Stack, old: Old) => Promise<void>,
): Promise<{ readonly old: Old; readonly died: boolean }> {
  const old = await oldDeployment()
  const { deployment } = old
  const life = mortality(calls, after)
  const stack = deployment.open({ call: (_label, perform) => life.onCall(perform) })
  const died = !(await life.unlessDead(begin(stack, old)))
  for (let run = 0; run < 3; run += 1) {
    deployment.now += 26 * hour
    await work(deployment.open())
  }
  return { old, died }
}

/** Deaths at each call until there is none left to die at. */
async function everyDeath(
  first: number,
  begin: (stack: Stack, old: Old) => Promise<void>,
  settle: (old: Old, died: boolean) => Promise<void>,
): Promise<number> {
  const deaths = Array.from({ length: 400 }, (_, calls) =>
    [false, true].map((after) => ({ calls, after })),
  ).flat()
  let died = 0
  for (const { calls, after } of sampleOf(deaths, 3, first)) {
    const end = await dyingAt(calls, after, begin)
    await settle(end.old, end.died)
    if (!end.died) return died
    died += 1
  }
  throw new Error('It makes more calls than that.')
}

describe('a deployment with one secret a connection', () => {
  it('moves to cells by itself, whichever call its process dies at', async () => {
    const deaths = await everyDeath(0, work, (old) => expectMoved(old))
    expect(deaths).toBeGreaterThan(20)
  })

  it('keeps a user’s disconnect and another’s consent that die in the middle of the move', async () => {
    const begin = async (stack: Stack, { all }: Old): Promise<void> => {
      await moveGrants(stack, { remainingMs: () => 600_000 })
      const [one = expect.unreachable(), other = expect.unreachable()] = all
      const { connection } = one
      await stack.connections.change(connection, connection.connectionId, () => ({ status: 'disconnected' }))
      await disconnectGrant(stack, connection)
      await giveConsent(stack, other.connection, 'given anew')
      for (const provider of providers) await pack(stack.packer, provider, () => false)
    }
    const deaths = await everyDeath(1, begin, async (old) => {
      const [one = expect.unreachable(), other = expect.unreachable()] = old.all
      const { deployment } = old
      const seen = await deployment
        .open()
        .connections.named(one.connection.userKey, one.connection.connectionId)
      // What broke off is gone on with by whoever repeats it, as the keep-alive does.
      if (seen?.status === 'disconnected') {
        await disconnectGrant(deployment.open(), seen)
        one.token = undefined
      }
      const held = (await deployment.open().grants.read(other.connection))?.held
      const found = held !== undefined && 'refreshToken' in held ? held.refreshToken.reveal() : undefined
      expect(['given anew', other.token]).toContain(found)
      other.token = found
      for (let run = 0; run < 3; run += 1) {
        deployment.now += 26 * hour
        await work(deployment.open())
      }
      await expectMoved(old)
    })
    expect(deaths).toBeGreaterThan(20)
  })
})
