import { required } from '../contract/env.ts'
import type { DocumentDeps } from '../documents/deps.ts'
import { retrying } from '../net/retry.ts'
import type { Composition } from './composition.ts'
import { hallDeps } from './hall.ts'

/** For the storage operations. */
export function openDocuments(composition: Composition): DocumentDeps {
  const { settings, clock, outside } = composition
  return {
    ...hallDeps(composition),
    connections: composition.connections,
    retry: (run, signal) => retrying(run, { clock, random: outside.random, signal }),
    publicUrl: () => required(settings, 'PUBLIC_URL'),
  }
}
