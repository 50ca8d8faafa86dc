import { startHashWith } from '../../lib/compose/providers.ts'
import { startCommonHash } from '../../lib/transfer/hash.ts'

/** Every hash of the registry, as the functions start them. */
export const startHash = startHashWith(startCommonHash)
