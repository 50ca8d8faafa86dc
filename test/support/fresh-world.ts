import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { Cloud, World } from './grants-world.ts'
import { clients, openWorld } from './grants-world.ts'

export const clouds = Object.keys(clients) as Cloud[]

/** One world for the tests of a file; before each of them nothing is remembered, counted or about to fail. */
export function freshWorld(give: (world: World) => void): void {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
    give(world)
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    await world.forget()
    await world.aws.clearFaults()
    for (const cloud of clouds) {
      await world.simulator(cloud).clearFaults()
      await world.simulator(cloud).clear()
    }
  })
}
