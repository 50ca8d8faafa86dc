import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { openapiDocument } from '../../lib/contract/openapi/document.ts'
import { startLocalStack } from '../../test/support/local-stack.ts'
import { python } from '../needs.ts'
import type { Part } from '../part.ts'

const here = import.meta.dirname
/** Without a connection little else can be tried. */
const endsAll = 'deleteConnection'

const phases = ['--phases', 'examples,coverage,fuzzing', '--max-examples', '20']
const how = [...phases, '--workers', '1', '--seed', '1', '--request-timeout', '35']

const report = z.object({
  test_cases: z.object({ generated: z.number(), with_failures: z.number() }),
  failures: z.array(z.object({ title: z.string(), operations: z.array(z.string()) })),
  errors: z.array(z.unknown()),
})

const linted = z.object({ problems: z.array(z.object({ ruleId: z.string(), message: z.string() })) })

/** The API's own description, under a linter and a program that asks all that it allows, and what not. */
export const contract: Part = {
  name: 'contract',
  shows:
    'the API’s description lints clean, and schemathesis finds no answer of the local stack that the API’s description does not tell of',
  needs: [python],
  minutes: 8,
  async run({ folder, commands, install }) {
    const bin = await install.python(join(here, 'requirements.txt'))
    const linter = join(await install.npm(join(here, 'npm')), 'node_modules/.bin/redocly')
    const described = join(folder, 'openapi.json')
    writeFileSync(described, JSON.stringify(openapiDocument({ serverUrl: 'https://driveway.invalid' })))
    const lint = ['lint', '--format', 'json', '--max-problems', '1000', described]
    const quiet = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
    const { out } = await commands.run(linter, lint, { env: quiet })
    const { problems } = linted.parse(JSON.parse(out.slice(out.indexOf('{'))))
    const stack = await startLocalStack({
      env: { ALLOWED_RETURN_URLS: 'https://app.example.com/', TMPDIR: folder },
    })
    try {
      const token = await tokenAt(stack.base)
      const tried = async (choice: string) => {
        const file = join(folder, `${choice}.json`)
        const what = [`${stack.base}/v1/openapi.json`, '--header', `Authorization: Bearer ${token}`]
        const where = ['--report', 'json', '--report-json-path', file]
        const args = ['--config-file', join(here, 'schemathesis.toml'), 'run', ...what, ...how, ...where]
        args.push(`--${choice}-operation-id`, endsAll)
        await commands.run(join(bin, 'st'), args, { cwd: folder })
        return report.parse(JSON.parse(readFileSync(file, 'utf8')))
      }
      const reports = [await tried('exclude'), await tried('include')]
      const cases = reports.reduce((sum, { test_cases }) => sum + test_cases.generated, 0)
      const wrong = reports.reduce((sum, { test_cases }) => sum + test_cases.with_failures, 0)
      const said = problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)
      const failed = reports.flatMap(({ failures, errors }) => [
        ...failures.map(({ title, operations }) => `${title}: ${operations.join(', ')}`),
        ...errors.map((error) => JSON.stringify(error).slice(0, 300)),
      ])
      return { passed: cases - wrong, failed: [...said, ...failed], figures: `${String(cases)} requests` }
    } finally {
      await stack.dispose()
    }
  },
}

async function tokenAt(base: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ sub: 'alice' })
  const answer = await fetch(`${base}/local/token`, { method: 'POST', headers, body })
  return z.object({ token: z.string() }).parse(await answer.json()).token
}
