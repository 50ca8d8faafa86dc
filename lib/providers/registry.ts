import type { OAuth2About, ProviderAbout } from './about.ts'
import { about as dropbox } from './dropbox/about.ts'
import { about as googleDrive } from './google-drive/about.ts'
import { about as oneDrive } from './onedrive/about.ts'
import { about as s3 } from './s3/about.ts'

/** Every provider, one line each: facts and words. Its code is the line of the same name in `load.ts`. */
export const providers = {
  'google-drive': googleDrive,
  onedrive: oneDrive,
  dropbox,
  s3,
} as const satisfies Readonly<Record<string, ProviderAbout>>

export type ProviderId = keyof typeof providers

/** The providers in the order in which people are shown them. */
export const providerIds = Object.keys(providers) as [ProviderId, ...ProviderId[]]

/** What is known of a provider, by a general reader: what only some have may be absent. */
export function aboutOf(id: ProviderId): ProviderAbout {
  return providers[id]
}

type Registered = (typeof providers)[ProviderId]

export const commonHashes = ['sha256', 'md5'] as const
/** The hashes that every provider may use, and each provider's own. */
export type HashAlgorithm =
  | (typeof commonHashes)[number]
  | Extract<Registered, { readonly hash: object }>['hash']['algorithm']

/** In order of strength: what a provider's answer is compared by is the first that it has. */
export const hashAlgorithms = [
  ...new Set([...commonHashes, ...providerIds.flatMap((id) => aboutOf(id).hash?.algorithm ?? [])]),
] as [HashAlgorithm, ...HashAlgorithm[]]

/** The providers that a user connects by consent. */
export type OAuthProviderId = {
  [Id in ProviderId]: (typeof providers)[Id]['grant'] extends { readonly kind: 'oauth2' } ? Id : never
}[ProviderId]

export const oauthProviderIds = providerIds.filter(usesOAuth)

/** True for a provider that is connected through OAuth. */
export function usesOAuth(id: ProviderId): id is OAuthProviderId {
  return providers[id].grant.kind === 'oauth2'
}

/** What is known of a provider's consent; an error of ours for a provider that asks for none. */
export function oauth2Of(id: ProviderId): OAuth2About {
  const { grant } = providers[id]
  if (grant.kind === 'oauth2') return grant
  throw new TypeError(`No consent is asked for ${id}.`)
}
