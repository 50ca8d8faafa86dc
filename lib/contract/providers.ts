/** Which providers there are; shared by rows, routes, infrastructure and the client. This file imports nothing. */
export const providers = ['google-drive', 'onedrive', 's3'] as const
export type Provider = (typeof providers)[number]
/** The providers that a user connects by consent. */
export const cloudProviders = ['google-drive', 'onedrive'] as const
export type CloudProvider = (typeof cloudProviders)[number]

/** True for a provider that is connected through OAuth. */
export function isCloudProvider(provider: Provider): provider is CloudProvider {
  return provider !== 's3'
}
