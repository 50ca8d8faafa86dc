import { aboutOf } from '../providers/registry.ts'
import type { ProviderId } from '../providers/registry.ts'

/** How far a list has been read; `back`: where to begin once more, since something could not be judged. */
interface Place {
  readonly at: string
  readonly back?: string
}

/** How far what happens in a connection's drive has been followed. */
export interface Followed {
  /** The provider's cursor. */
  readonly feed?: Place
  /** All its documents are looked at, one object after the other. */
  readonly walk?: Place
  /** What is behind `feed` has been seen before. */
  readonly again?: true
  /** Seconds to the next look. */
  readonly everyS: number
}

/** When a drive that tells of its changes is looked at first: as soon as it can be. ISO time. */
export const firstLook = (provider: ProviderId, now: number): { readonly dueAt?: string } =>
  aboutOf(provider).tellsChanges ? { dueAt: new Date(now).toISOString() } : {}
