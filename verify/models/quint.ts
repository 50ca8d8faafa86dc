import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Commands } from '../commands.ts'

export interface QuintRun {
  readonly samples: number
  readonly steps: number
  readonly seed: string
  readonly invariants?: readonly string[]
  readonly witnesses?: readonly string[]
  /** Where each run is written, with `{seq}` for its number. */
  readonly traces?: string
}

export interface Ran {
  readonly violated: boolean
  /** The witnesses that no run has shown. */
  readonly unseen: readonly string[]
  readonly out: string
}

/** Quint's simulator. Its evaluator in Rust would be fetched from elsewhere; this one is in the package. */
export function openQuint(commands: Commands, bin: string, folder: string) {
  const backend = '--backend=typescript'
  return {
    typecheck: (file: string) => commands.must(bin, ['typecheck', file]),
    async run(file: string, how: QuintRun): Promise<Ran> {
      const { samples, steps, seed, invariants = [], witnesses = [], traces } = how
      const args = ['run', file, backend, `--max-samples=${String(samples)}`, `--max-steps=${String(steps)}`]
      if (invariants.length > 0) args.push('--invariants', ...invariants)
      if (witnesses.length > 0) args.push('--witnesses', ...witnesses)
      if (traces !== undefined) args.push(`--out-itf=${traces}`, `--n-traces=${String(samples)}`)
      const { status, out } = await commands.run(bin, [
        ...args,
        `--seed=${seed}`,
        '--verbosity=1',
        '--hide',
        's',
      ])
      const violated = out.includes('[violation]')
      if (status !== 0 && !violated) throw new Error(`quint run ${file} ended with status ${String(status)}`)
      const unseen = witnesses.filter((name) => new RegExp(`^${name} was witnessed in 0 `, 'm').test(out))
      return { violated, unseen, out }
    },
    /** Whether the runs hold that the model itself has, or the one of that name. */
    async test(file: string, match = 'Test$'): Promise<boolean> {
      const { status, out } = await commands.run(bin, [
        'test',
        file,
        backend,
        '--max-samples=1',
        '--match',
        match,
      ])
      if (status !== 0 && !out.includes('Assertion failed')) throw new Error(`quint test ${file}: ${out}`)
      return status === 0
    },
    /** A copy of the model with one piece of its text replaced. */
    changed(file: string, rule: string, without: string): string {
      const text = readFileSync(file, 'utf8')
      if (text.split(rule).length !== 2) throw new Error(`${file} does not say once: ${rule}`)
      const copy = join(folder, 'changed', basename(file))
      mkdirSync(join(folder, 'changed'), { recursive: true })
      writeFileSync(
        copy,
        text.replace(rule, () => without),
      )
      return copy
    },
  }
}
