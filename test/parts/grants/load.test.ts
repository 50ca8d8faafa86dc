import { afterAll, beforeAll, expect, it } from 'vitest'
import { maxCellBytes } from '../../../lib/grants/cell.ts'
import type { Known } from '../../support/grants-load.ts'
import {
  checkAnytime,
  checkSettled,
  doAct,
  learn,
  loadActs,
  packAll,
  randomFrom,
  settleAll,
  startConnections,
} from '../../support/grants-load.ts'
import type { World } from '../../support/grants-world.ts'
import { openWorld } from '../../support/grants-world.ts'
import { mortality } from '../../support/mortality.ts'

// More of both, over processes that are killed: bench/grants-load.ts.
const connections = 60
const workers = 6
const rounds = 2

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const random = randomFrom(20_261_127)
let tokens = 0

/** One act of one user, by a process that dies at any call of AWS, before or after it was done. */
async function act(known: Known): Promise<void> {
  const token = `token-${(tokens += 1)}`.padEnd(600, '.')
  const life = mortality(random() < 0.5 ? Math.floor(random() * 14) : Infinity, random() < 0.5)
  const stack = world.open({ onCall: life.onCall })
  const kind = loadActs[Math.floor(random() * loadActs.length)] ?? 'consent'
  learn(known, kind, token, await life.unlessDead(doAct(stack, kind, known.connection, token)))
}

async function packs(signal: { over: boolean }): Promise<void> {
  while (!signal.over) {
    const life = mortality(Math.floor(random() * 120), random() < 0.5)
    await life.unlessDead(packAll(world.open({ onCall: life.onCall })))
  }
}

it(`${connections} connections lose nothing and leave nothing, whoever dies over them at any call`, async () => {
  const all = await startConnections(world, connections)
  for (let round = 0; round < rounds; round += 1) {
    const signal = { over: false }
    const packing = [packs(signal), packs(signal)]
    const queue = [...all, ...all].values()
    const busy = new Set<Known>()
    const worker = async (): Promise<void> => {
      for (const known of queue) {
        if (busy.has(known)) continue
        busy.add(known)
        await act(known)
        busy.delete(known)
      }
    }
    await Promise.all(Array.from({ length: workers }, worker))
    signal.over = true
    await Promise.all(packing)
    await checkAnytime(world, all)
    await settleAll(world, all)
    const { secrets } = await checkSettled(world, all)
    expect(secrets).toBeLessThanOrEqual(2 + Math.ceil((connections * 700) / (maxCellBytes * 0.6)))
  }
}, 600_000)
