import { replayCells, tellCells } from './cells-replay.ts'
import { replayLease, tellLease } from './lease-replay.ts'
import type { ModelName } from './rules.ts'
import type { Trace } from './trace.ts'
import { traceOf } from './trace.ts'

interface Replay {
  /** A trace out of Quint's own format. */
  readonly tell: (itf: string) => Trace
  /** Does it on the code. @returns where the two differ */
  readonly replay: (trace: Trace) => Promise<readonly string[]>
}

export const replays: Readonly<Record<ModelName, Replay>> = {
  cells: { tell: (itf) => traceOf(itf, tellCells), replay: replayCells },
  lease: { tell: (itf) => traceOf(itf, tellLease), replay: replayLease },
}
