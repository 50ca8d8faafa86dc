/** The part of dynalite's interface that is used here; the package has no types of its own. */
declare module 'dynalite' {
  import type { Server } from 'node:http'

  export interface DynaliteOptions {
    /** Where LevelDB keeps its files. */
    readonly path?: string
    readonly createTableMs?: number
    readonly deleteTableMs?: number
    readonly updateTableMs?: number
  }

  export default function dynalite(options?: DynaliteOptions): Server
}
