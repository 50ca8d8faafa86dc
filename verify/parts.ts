import { agents } from './agents/part.ts'
import { clients } from './clients/part.ts'
import { contract } from './contract/part.ts'
import { histories } from './histories/part.ts'
import { modelsPart } from './models/part.ts'
import type { Part } from './part.ts'
import { packages } from './packages/part.ts'
import { runtime } from './runtime/part.ts'
import { s3 } from './s3/part.ts'
import { syncTool } from './sync-tool/part.ts'
import { template } from './template/part.ts'
import { whole } from './whole/part.ts'
import { worlds } from './worlds/part.ts'

/** Every part, in the order in which they run. */
export const parts: readonly Part[] = [
  agents,
  clients,
  contract,
  histories,
  modelsPart,
  packages,
  runtime,
  s3,
  syncTool,
  template,
  whole,
  worlds,
]
