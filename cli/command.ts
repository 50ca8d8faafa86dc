import type { ParseArgsOptionsConfig } from 'node:util'
import type { Driveway } from '../client/src/node.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'

export type Values = Readonly<Record<string, string | boolean | undefined | (string | boolean)[]>>

export interface Context {
  readonly positionals: readonly string[]
  readonly output: Output
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** The deployment, once somebody needs it. */
  readonly session: () => Promise<Session>
  readonly driveway: () => Promise<Driveway>
  /** An option's text; undefined when it was not given. */
  readonly text: (name: string) => string | undefined
  readonly flag: (name: string) => boolean
}

export interface Command {
  readonly name: string
  /** What stands behind the name: `<file…>`. */
  readonly takes: string
  readonly summary: string
  /** Help lines of its options, `--name value` and what it does. */
  readonly help: readonly (readonly [string, string])[]
  readonly options: ParseArgsOptionsConfig
  /** How many positionals it takes. */
  readonly arguments: readonly [number, number]
  run(context: Context): Promise<void>
}

/** The options that every command takes. */
export const globalOptions = {
  url: { type: 'string' },
  as: { type: 'string' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig
