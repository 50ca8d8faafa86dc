import type { CloudProvider } from '../contract/providers.ts'

const day = 24 * 3600 * 1000

/**
 * How long a grant lives without being used, milliseconds. Google counts from the last use (six months), Microsoft from the issue of the
 * refresh token (90 days). https://developers.google.com/identity/protocols/oauth2#expiration
 * https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens#token-lifetime
 */
export const idleLifetimeMs: Readonly<Record<CloudProvider, number>> = {
  'google-drive': 180 * day,
  onedrive: 90 * day,
}

/** A grant that idles this long is refreshed by the keep-alive: early enough for weeks of failed runs. */
export const keepAliveAfterMs: Readonly<Record<CloudProvider, number>> = {
  'google-drive': 60 * day,
  onedrive: 30 * day,
}

/** How often the catalog learns of a grant's use, and Secrets Manager of a rotated refresh token: it takes few writes a secret. */
export const recordEveryMs = day

/** The life of a row that says a grant is dead; the connection itself says so for ever. */
export const deadRowMs = 90 * day
