/**
 * `npm run verify`: what needs more than npm, part by part; README.md of this folder says what.
 * Ends with status 0 when nothing that ran was red. `--strict`: a skipped part is red too.
 * `--only <part>`, once or more: nothing but these. VERIFY_REPORT names a file for the counts, as JSON.
 */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parts } from './parts.ts'
import type { Result } from './runner.ts'
import { countsOf, runParts } from './runner.ts'

const { values } = parseArgs({
  options: { strict: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
})
const unknown = (values.only ?? []).filter((name) => !parts.some((part) => part.name === name))
const wanted = parts.filter(({ name }) => values.only?.includes(name) ?? true)

const logs = join(import.meta.dirname, '../node_modules/.cache/verify')
const logOf = (part: string): string => join(logs, `${part}.log`)
const width = Math.max(...parts.map(({ name }) => name.length))

function line({ part, verdict, seconds, figures, says }: Result): string {
  const words =
    verdict === 'ok'
      ? figures
      : (says[0] ?? '') + (says.length > 1 ? ` (and ${String(says.length - 1)} more)` : '')
  return `${verdict.padEnd(7)}  ${part.padEnd(width)}  ${seconds.toFixed(1).padStart(6)} s  ${words}`
}

function tell(result: Result): void {
  console.log(line(result))
  if (result.verdict !== 'failed') return
  for (const words of result.says) console.log(`         ${words}`)
  const log = readFileSync(logOf(result.part), 'utf8')
  console.log(`${log.split('\n').slice(-40).join('\n')}\n         all of it: ${logOf(result.part)}`)
}

if (unknown.length > 0) {
  console.error(
    `There is no part ${unknown.join(', ')}; there are ${parts.map(({ name }) => name).join(', ')}.`,
  )
  process.exitCode = 2
} else {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  mkdirSync(logs, { recursive: true })
  for (const { name } of wanted) {
    rmSync(logOf(name), { force: true })
    writeFileSync(logOf(name), '')
  }
  const results = await runParts(wanted, {
    strict: values.strict,
    signal: stop.signal,
    log: (part, text) => appendFileSync(logOf(part), text),
    ended: tell,
  })
  console.log(`\n${results.map(line).join('\n')}\n`)
  const counts = countsOf(results)
  const report = process.env['VERIFY_REPORT']
  if (report !== undefined) writeFileSync(report, JSON.stringify(counts))
  console.log(
    `verify: ${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} parts skipped`,
  )
  process.exitCode = counts.failed > 0 || stop.signal.aborted ? 1 : 0
}
