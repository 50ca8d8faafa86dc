import type { Commands } from './commands.ts'
import type { Installer } from './install.ts'

/** A tool that has to be on the machine. */
export interface Need {
  /** Why a part is skipped without it, and how to get it: one sentence. */
  readonly missing: string
  there(): Promise<boolean>
}

/** What a part works with. Everything that it starts ends with `signal`, and its folder is removed. */
export interface Workplace {
  /** An empty folder of this run's own. */
  readonly folder: string
  /** Aborts when the part's time is over, or the run is ended. */
  readonly signal: AbortSignal
  readonly commands: Commands
  readonly install: Installer
  /** Words for the part's log, which is printed when the part is red. */
  log(text: string): void
}

/** How a part ended. It is green when nothing failed and something was looked at. */
export interface Outcome {
  readonly passed: number
  /** What did not hold, one sentence each. */
  readonly failed: readonly string[]
  /** What was seen, for the table. */
  readonly figures: string
}

/** Something that needs more than npm, tried on the project. */
export interface Part {
  readonly name: string
  /** What a green one shows. */
  readonly shows: string
  readonly needs: readonly Need[]
  /** It is ended when it takes longer, what it installs included. */
  readonly minutes: number
  /** What `install` throws skips the part; anything else that is thrown makes it red. */
  run(at: Workplace): Promise<Outcome>
}
