import { globSync, readFileSync } from 'node:fs'
import type { Part } from '../part.ts'
import { runTests } from '../vitest.ts'

/** The test files of which `npm test` tries a part. */
const sampled = (): string[] =>
  globSync('{test,conformance}/**/*.test.ts').filter((file) =>
    readFileSync(file, 'utf8').includes("/sample.ts'"),
  )

/** Every case of the tests of which `npm test` tries some: each fault at each step, each drive, each kill. */
export const whole: Part = {
  name: 'whole',
  shows: 'what npm test tries a part of holds for every case',
  needs: [],
  minutes: 12,
  run: async (place) =>
    await runTests(place, { args: sampled().toSorted(), env: { DRIVEWAY_TEST_WHOLE: '1' } }),
}
