import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Outcome, Workplace } from './part.ts'

const report = z.object({
  testResults: z.array(
    z.object({
      message: z.optional(z.string()),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.nullish(z.array(z.string())),
        }),
      ),
    }),
  ),
})

/** Tests of the project that run on other ground than in `npm test`. */
export interface OtherGround {
  /** What vitest is told beside that. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /**
   * Full names of tests that do not hold on this ground, each with the reason. When one holds all the same
   * it is red too: then this list is behind.
   */
  readonly differs?: Readonly<Record<string, string>>
}

/** Runs them. What they print goes to the log. */
export async function runTests({ commands, folder }: Workplace, ground: OtherGround): Promise<Outcome> {
  const file = join(folder, 'tests.json')
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...ground.args]
  await commands.run(process.execPath, args, { env: { ...ground.env, VITEST_REPORT: file } })
  const { testResults } = report.parse(JSON.parse(readFileSync(file, 'utf8')))
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  const differs = ground.differs ?? {}
  const failed = tests.flatMap(({ fullName, status, failureMessages }) => {
    const known = Object.hasOwn(differs, fullName)
    if (status === 'passed')
      return known ? [`${fullName}: it holds now, and is listed as one that does not`] : []
    return known ? [] : [`${fullName}: ${failureMessages?.[0]?.split('\n')[0] ?? status}`]
  })
  // A file that could not be loaded has no tests to fail.
  const broken = testResults.flatMap(({ message = '', assertionResults }) =>
    assertionResults.length === 0 ? [message.split('\n')[0] ?? ''] : [],
  )
  const gone = Object.keys(differs).filter((name) => !tests.some(({ fullName }) => fullName === name))
  const passed = tests.length - failed.length
  return {
    passed,
    failed: [...failed, ...broken, ...gone.map((name) => `${name}: it is listed, and there is no such test`)],
    figures: `${String(passed)} of ${String(tests.length)}`,
  }
}
