import { clients } from './clients/part.ts'
import type { Part } from './part.ts'
import { syncTool } from './sync-tool/part.ts'

/** Every part, in the order in which they run. */
export const parts: readonly Part[] = [syncTool, clients]
