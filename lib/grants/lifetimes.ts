import type { OAuthProviderId } from '../providers/registry.ts'
import { oauth2Of } from '../providers/registry.ts'

const day = 24 * 3600 * 1000

/** How long a grant lives without being used, milliseconds. */
export const idleLifetimeMs = (provider: OAuthProviderId): number => oauth2Of(provider).idleDays * day

/** How often the catalog learns of a grant's use, and Secrets Manager of a rotated refresh token: it takes few writes a secret. */
export const recordEveryMs = day

/** The life of a row that says a grant is dead; the connection itself says so for ever. */
export const deadRowMs = 90 * day

/** The life of the mark that a disconnect leaves in the tokens table: longer than any refresh that began before it. */
export const retiredRowMs = day
