import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCommands } from './commands.ts'
import { NotInstalled, openInstaller, said } from './install.ts'
import type { Outcome, Part } from './part.ts'

/** A part as the table shows it. */
export interface Result {
  readonly part: string
  readonly seconds: number
  readonly verdict: 'ok' | 'failed' | 'skipped'
  readonly passed: number
  /** What did not hold; of a skipped part, why it was. */
  readonly says: readonly string[]
  readonly figures: string
}

export interface RunOptions {
  /** A skipped part counts as a failed one. */
  readonly strict: boolean
  /** Ends the run: the part under way is stopped, and none is begun. */
  readonly signal: AbortSignal
  log(part: string, text: string): void
  /** Called as soon as a part has ended. */
  ended(result: Result): void
}

/** Runs the parts one after the other. */
export async function runParts(parts: readonly Part[], options: RunOptions): Promise<Result[]> {
  const results: Result[] = []
  for (const part of parts) {
    if (options.signal.aborted) break
    const begun = performance.now()
    const { verdict, says, ...seen } = await attempt(part, options)
    const counted = verdict === 'skipped' && options.strict ? 'failed' : verdict
    const seconds = Math.round((performance.now() - begun) / 100) / 10
    const result = { part: part.name, seconds, verdict: counted, says, ...seen }
    results.push(result)
    options.ended(result)
  }
  return results
}

type Ended = Omit<Result, 'part' | 'seconds'>

async function attempt(part: Part, options: RunOptions): Promise<Ended> {
  for (const need of part.needs) if (!(await need.there())) return without('skipped', need.missing)
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(part.minutes * 60_000)])
  const log = (text: string): void => options.log(part.name, text)
  const commands = openCommands(signal, log)
  const folder = mkdtempSync(join(tmpdir(), `driveway-verify-${part.name}-`))
  try {
    const install = openInstaller(commands, signal)
    return judged(await part.run({ folder, signal, commands, install, log }))
  } catch (error) {
    log(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`)
    if (options.signal.aborted) return without('failed', 'The run was ended.')
    if (signal.aborted) return without('failed', `It took longer than ${String(part.minutes)} minutes.`)
    return without(error instanceof NotInstalled ? 'skipped' : 'failed', said(error))
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function judged({ passed, failed, figures }: Outcome): Ended {
  // A part that looked at nothing has shown nothing.
  const says = passed + failed.length === 0 ? ['It found nothing to look at.'] : failed
  return { verdict: says.length === 0 ? 'ok' : 'failed', passed, says, figures }
}

function without(verdict: 'failed' | 'skipped', why: string): Ended {
  return { verdict, passed: 0, says: [why], figures: '' }
}

/** Checks that held, and what did not: a part that could not be looked at counts as one. */
export function countsOf(results: readonly Result[]): { passed: number; failed: number; skipped: number } {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
  const having = (verdict: Result['verdict']): Result[] =>
    results.filter((result) => result.verdict === verdict)
  return {
    passed: sum(results.map(({ passed }) => passed)),
    failed: sum(having('failed').map(({ says }) => says.length)),
    skipped: having('skipped').length,
  }
}
