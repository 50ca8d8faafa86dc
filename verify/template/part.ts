import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { python } from '../needs.ts'
import type { Part } from '../part.ts'

const here = import.meta.dirname

const waived = z.record(z.string(), z.string())
const lint = z.array(z.object({ Rule: z.object({ Id: z.string() }), Message: z.string() }))
const scan = z.object({
  summary: z.object({ passed: z.number() }),
  results: z.object({
    failed_checks: z.array(z.object({ check_id: z.string(), check_name: z.string(), resource: z.string() })),
  }),
})

/**
 * The template that is deployed, under two strict readers. What they find that is as it is meant to be has
 * its reason in `waived.json`; a reason that nothing needs any more is red too.
 */
export const template: Part = {
  name: 'template',
  shows: 'cfn-lint and checkov find nothing in the template that is not waived by name, with its reason',
  needs: [python],
  minutes: 6,
  async run({ folder, commands, install }) {
    const bin = await install.python(join(here, 'requirements.txt'))
    await commands.must('npx', ['cdk', 'synth', '--quiet', '--output', folder])
    const file = join(folder, 'driveway-dev.template.json')
    const linted = await commands.run(join(bin, 'cfn-lint'), ['--format', 'json', file])
    const args = ['--framework', 'cloudformation', '--compact', '--quiet', '--output', 'json', '--file', file]
    const checked = await commands.run(join(bin, 'checkov'), args, { env: { HOME: folder } })
    const { summary, results } = scan.parse(JSON.parse(checked.out))
    const found = [
      ...lint.parse(JSON.parse(linted.out)).map(({ Rule, Message }) => ({ id: Rule.Id, says: Message })),
      ...results.failed_checks.map(({ check_id: id, check_name: name, resource }) => ({
        id,
        says: `${name}: ${resource}`,
      })),
    ]
    const reasons = waived.parse(JSON.parse(readFileSync(join(here, 'waived.json'), 'utf8')))
    const failed = [
      ...found.flatMap(({ id, says }) => (id in reasons ? [] : [`${id}: ${says}`])),
      ...Object.keys(reasons).flatMap((id) =>
        found.some((one) => one.id === id) ? [] : [`${id}: waived, and not found any more`],
      ),
    ]
    const names = Object.keys(reasons).length
    const figures = `${String(summary.passed)} checks, ${String(names)} waived by name`
    return { passed: summary.passed, failed, figures }
  },
}
